//! What follows an object in a path: its relations, references to them, and what it can be asked to do.

use gatepost_directory::{ObjectKey, ObjectKind, Related, Relation, RelationRequest, reference_id};
use gatepost_names::ObjectId;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::error::GraphError;
use crate::objects::{collection, relation};
use crate::options::Options;
use crate::path::Segment;
use crate::reply::{collection_context, odata_type, shown};
use crate::request::{ALL_KINDS, Request, Routed, object_id, object_ids};

/// Most ids of one `checkMemberGroups`.
const MOST_GROUPS: usize = 20;

impl Request<'_> {
    pub(crate) fn navigate(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        next: &Segment,
        rest: &[Segment],
    ) -> Routed {
        if let Some(relation) = relation(kind, &next.name) {
            return self.relation(kind, key, relation, next, rest);
        }
        let is = |name: &str| next.key.is_none() && rest.is_empty() && next.is(name);
        let credentials = matches!(kind, ObjectKind::Application | ObjectKind::ServicePrincipal);
        if credentials && let Some(answer) = self.credentials(kind, key, next, rest) {
            return answer;
        }
        if is("getMemberGroups") || is("getMemberObjects") {
            return self.member_groups(Some(kind), key, next.is("getMemberObjects"));
        }
        if is("checkMemberGroups") || is("checkMemberObjects") {
            return self.check_member_groups(Some(kind), key, next.is("checkMemberObjects"));
        }
        if let Some(answer) = self.assignments(kind, key, next, rest) {
            return answer;
        }
        if kind == ObjectKind::User && is("revokeSignInSessions") {
            return self.revoke_sessions(key);
        }
        Err(GraphError::unknown_segment(&next.name))
    }

    fn relation(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        relation: Relation,
        next: &Segment,
        rest: &[Segment],
    ) -> Routed {
        // `members('x')` and `members/x` are the same.
        let mut rest: Vec<&str> = rest.iter().map(|segment| segment.name.as_str()).collect();
        if let Some(inner) = &next.key {
            rest.insert(0, inner.value.as_str());
        }
        let cast = rest.first().and_then(|first| first.rsplit_once('.'));
        if let Some((namespace, type_name)) = cast
            && namespace.trim_start_matches('#').eq_ignore_ascii_case("microsoft.graph")
        {
            let type_name = type_name.to_owned();
            rest.remove(0);
            return self.cast(kind, key, relation, &type_name, &rest);
        }
        match rest.as_slice() {
            [] => match self.call.method {
                Method::GET => self.list_related(kind, key, relation, None),
                _ => Err(GraphError::method("GET")),
            },
            ["$count"] => self.count_related(kind, key, relation, None),
            ["$ref"] => match self.call.method {
                Method::GET => self.list_references(kind, key, relation),
                Method::POST => self.add_reference(kind, key, relation),
                // `?$id=` names which.
                Method::DELETE => {
                    let id = self.call.query_value("$id").or_else(|| self.call.query_value("@id"));
                    let id = id.and_then(|id| reference_id(&id));
                    let id =
                        id.ok_or_else(|| GraphError::bad_request("The query option '$id' is missing."))?;
                    self.remove_reference(kind, key, relation, id)
                }
                _ => Err(GraphError::method("GET, POST, DELETE")),
            },
            [id, "$ref"] => {
                self.only(&Method::DELETE, "DELETE")?;
                self.remove_reference(kind, key, relation, object_id(id)?)
            }
            [id] => {
                self.only(&Method::GET, "GET")?;
                let id = object_id(id)?;
                let filter = gatepost_odata::parse(&format!("id eq '{id}'")).ok();
                let request = RelationRequest { filter, top: 1, ..RelationRequest::default() };
                let found = self.directory.related(self.caller, kind, key, relation, &request)?;
                let one = found.objects.first().ok_or_else(|| GraphError::not_found(&id.to_string()))?;
                Ok(self.single("directoryObjects/$entity", self.typed_members(one, None)))
            }
            [_, beyond, ..] => Err(GraphError::unknown_segment(beyond)),
        }
    }

    /// `members/microsoft.graph.user`, and `/$count` of it.
    fn cast(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        relation: Relation,
        type_name: &str,
        rest: &[&str],
    ) -> Routed {
        self.only(&Method::GET, "GET")?;
        let unknown = || GraphError::unknown_segment(&format!("microsoft.graph.{type_name}"));
        let of = ALL_KINDS.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(type_name));
        match (of, rest) {
            (Some(of), []) => self.list_related(kind, key, relation, Some(of)),
            (Some(of), ["$count"]) => self.count_related(kind, key, relation, Some(of)),
            (None, []) if type_name.eq_ignore_ascii_case("directoryRole") => {
                let request = RelationRequest { top: 1, ..RelationRequest::default() };
                let listing = self.directory.related(self.caller, kind, key, relation, &request)?;
                let roles = listing.objects.iter().filter(|one| one.kind.is_none());
                let values = roles.map(|one| self.typed(one, None)).collect();
                Ok(self.page("directoryRoles", values, None, None))
            }
            (Some(_), [beyond, ..]) => Err(GraphError::unknown_segment(beyond)),
            _ => Err(unknown()),
        }
    }

    fn list_related(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        relation: Relation,
        of: Option<ObjectKind>,
    ) -> Routed {
        let options = Options::parse(self.call, of)?;
        if !options.expand.is_empty() {
            return Err(GraphError::unsupported_query("The query option '$expand' is not supported."));
        }
        let listing =
            self.directory.related(self.caller, kind, key, relation, &related_request(&options, of))?;
        let select = options.select.as_deref();
        let values = match of {
            // Objects of a known type need no word about it.
            Some(of) => {
                listing.objects.iter().map(|one| Value::Object(shown(of, &one.object, select))).collect()
            }
            None => listing.objects.iter().map(|one| self.typed(one, select)).collect(),
        };
        let next = listing.next.map(|next| self.next_link(&options, &next));
        let name = of.map_or("directoryObjects", collection);
        Ok(self.page(&collection_context(name, select), values, listing.count, next))
    }

    fn count_related(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        relation: Relation,
        of: Option<ObjectKind>,
    ) -> Routed {
        self.only(&Method::GET, "GET")?;
        self.require_eventual()?;
        let options = Options::parse(self.call, of)?;
        let request = RelationRequest { count: true, top: 1, ..related_request(&options, of) };
        let listing = self.directory.related(self.caller, kind, key, relation, &request)?;
        Ok(self.replies.number(listing.count.unwrap_or_default()))
    }

    fn list_references(&self, kind: ObjectKind, key: &ObjectKey, relation: Relation) -> Routed {
        let options = Options::parse(self.call, None)?;
        let listing =
            self.directory.related(self.caller, kind, key, relation, &related_request(&options, None))?;
        let values = listing
            .objects
            .iter()
            .map(|one| {
                let id = one.object.get("id").and_then(Value::as_str).unwrap_or_default();
                json!({"@odata.id": format!("{}/{}/directoryObjects/{id}", self.replies.graph, self.version)})
            })
            .collect();
        let next = listing.next.map(|next| self.next_link(&options, &next));
        Ok(self.page("Collection($ref)", values, listing.count, next))
    }

    fn add_reference(&self, kind: ObjectKind, key: &ObjectKey, relation: Relation) -> Routed {
        let body = self.body()?;
        let reference = body.get("@odata.id").and_then(Value::as_str).and_then(reference_id);
        let id = reference
            .ok_or_else(|| GraphError::request_bad_request("Invalid URL in the property '@odata.id'."))?;
        match relation {
            Relation::Members => self.directory.add_member(self.caller, key, id)?,
            Relation::Owners => self.directory.add_owner(self.caller, kind, key, id)?,
            _ => return Err(read_only()),
        }
        Ok(self.replies.no_content())
    }

    fn remove_reference(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        relation: Relation,
        id: ObjectId,
    ) -> Routed {
        match relation {
            Relation::Members => self.directory.remove_member(self.caller, key, id)?,
            Relation::Owners => self.directory.remove_owner(self.caller, kind, key, id)?,
            _ => return Err(read_only()),
        }
        Ok(self.replies.no_content())
    }

    pub(crate) fn member_groups(
        &self,
        kind: Option<ObjectKind>,
        key: &ObjectKey,
        with_roles: bool,
    ) -> Routed {
        self.only(&Method::POST, "POST")?;
        let body = self.optional_body()?;
        match body.get("securityEnabledOnly") {
            None | Some(Value::Null | Value::Bool(_)) => {}
            Some(_) => {
                return Err(GraphError::request_bad_request(
                    "Invalid value specified for property 'securityEnabledOnly'.",
                ));
            }
        }
        let ids = self.directory.group_ids(self.caller, kind, key, with_roles)?;
        Ok(self.page("Collection(Edm.String)", ids.iter().map(|id| json!(id)).collect(), None, None))
    }

    pub(crate) fn check_member_groups(
        &self,
        kind: Option<ObjectKind>,
        key: &ObjectKey,
        with_roles: bool,
    ) -> Routed {
        self.only(&Method::POST, "POST")?;
        let name = if with_roles { "ids" } else { "groupIds" };
        let groups = object_ids(&self.body()?, name, MOST_GROUPS)?;
        let ids = self.directory.check_groups(self.caller, kind, key, &groups, with_roles)?;
        Ok(self.page("Collection(Edm.String)", ids.iter().map(|id| json!(id)).collect(), None, None))
    }

    /// An object among objects of several types.
    pub(crate) fn typed(&self, one: &Related, select: Option<&[&'static str]>) -> Value {
        Value::Object(self.typed_members(one, select))
    }

    pub(crate) fn typed_members(&self, one: &Related, select: Option<&[&'static str]>) -> Map<String, Value> {
        let type_name = match one.kind {
            Some(kind) => odata_type(kind),
            None => json!("#microsoft.graph.directoryRole"),
        };
        let mut body = Map::from_iter([("@odata.type".to_owned(), type_name)]);
        match (one.kind, &one.object) {
            (Some(kind), object) => body.extend(shown(kind, object, select)),
            (None, Value::Object(members)) => body.extend(members.clone()),
            (None, _) => {}
        }
        body
    }

    fn revoke_sessions(&self, key: &ObjectKey) -> Routed {
        self.only(&Method::POST, "POST")?;
        self.directory.revoke_sessions(self.caller, key)?;
        let context = self.replies.context(self.version, "Edm.Boolean");
        Ok(self.replies.json(StatusCode::OK, &json!({"@odata.context": context, "value": true})))
    }
}

fn read_only() -> GraphError {
    GraphError::bad_request("Write requests are only supported on contained entities")
}

fn related_request(options: &Options, of: Option<ObjectKind>) -> RelationRequest {
    RelationRequest {
        kind: of,
        filter: options.list.filter.clone(),
        search: options.list.search.clone(),
        order: options.list.order,
        top: options.list.top,
        after: options.list.after.clone(),
        count: options.list.count,
    }
}
