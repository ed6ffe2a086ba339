//! Collections of applications, service principals, users and groups, and single ones of them.

use gatepost_directory::{ObjectKey, ObjectKind, Relation, RelationRequest};
use gatepost_https::Answer;
use http::Method;
use serde_json::{Map, Value, json};

use crate::error::GraphError;
use crate::options::{Expand, Options};
use crate::path::Segment;
use crate::reply::{collection_context, shown};
use crate::request::{Request, Routed, object_key, split_key};

/// Related objects that `$expand` shows of each object.
const MOST_EXPANDED: usize = 20;

/// The collections, and what they are of.
pub(crate) const COLLECTIONS: [(&str, ObjectKind); 4] = [
    ("applications", ObjectKind::Application),
    ("servicePrincipals", ObjectKind::ServicePrincipal),
    ("users", ObjectKind::User),
    ("groups", ObjectKind::Group),
];

/// The collection of a kind.
pub(crate) fn collection(kind: ObjectKind) -> &'static str {
    COLLECTIONS.iter().find(|(_, of)| *of == kind).map_or("directoryObjects", |(name, _)| name)
}

impl Request<'_> {
    pub(crate) fn collection(
        &self,
        name: &'static str,
        kind: ObjectKind,
        first: &Segment,
        rest: &[Segment],
    ) -> Routed {
        match rest {
            [second] if first.key.is_none() && second.is("$count") => return self.count(kind),
            [second] if first.key.is_none() && second.is("delta") => return self.delta(name, kind),
            [second] if first.key.is_none() && second.is("getByIds") => return self.get_by_ids(),
            [second] if first.key.is_none() && second.is("validateProperties") => {
                return self.validate_properties(Some(kind));
            }
            _ => {}
        }
        let (key, rest) = split_key(first, rest)?;
        let Some(key) = key else {
            return match self.call.method {
                Method::GET => self.list(name, kind),
                Method::POST => self.create(name, kind),
                _ => Err(GraphError::method("GET, POST")),
            };
        };
        let key = object_key(kind, &key)?;
        match rest.split_first() {
            None => self.object(name, kind, &key),
            Some((next, rest)) => self.navigate(kind, &key, next, rest),
        }
    }

    pub(crate) fn object(&self, name: &'static str, kind: ObjectKind, key: &ObjectKey) -> Routed {
        match self.call.method {
            Method::GET => self.get(name, kind, key),
            Method::PATCH => {
                self.directory.update(self.caller, kind, key, &self.body()?)?;
                Ok(self.replies.no_content())
            }
            Method::DELETE => {
                self.directory.remove(self.caller, kind, key)?;
                Ok(self.replies.no_content())
            }
            _ => Err(GraphError::method("GET, PATCH, DELETE")),
        }
    }

    fn get(&self, name: &str, kind: ObjectKind, key: &ObjectKey) -> Routed {
        let options = Options::parse(self.call, Some(kind))?.for_one()?;
        let object = self.directory.get(self.caller, kind, key)?;
        let select = options.select.as_deref();
        let of = format!("{}/$entity", collection_context(name, select));
        let mut members = shown(kind, &object, select);
        self.expand(kind, &object, &options.expand, &mut members)?;
        Ok(self.single(&of, members))
    }

    fn list(&self, name: &'static str, kind: ObjectKind) -> Routed {
        let options = Options::parse(self.call, Some(kind))?;
        let listing = self.directory.list(self.caller, kind, &options.list)?;
        let select = options.select.as_deref();
        let mut values = Vec::with_capacity(listing.objects.len());
        for object in &listing.objects {
            let mut members = shown(kind, object, select);
            self.expand(kind, object, &options.expand, &mut members)?;
            values.push(Value::Object(members));
        }
        let next = listing.next.map(|next| self.next_link(&options, &next));
        Ok(self.page(&collection_context(name, select), values, listing.count, next))
    }

    fn count(&self, kind: ObjectKind) -> Routed {
        self.only(&Method::GET, "GET")?;
        self.require_eventual()?;
        let mut options = Options::parse(self.call, Some(kind))?;
        options.list.count = true;
        options.list.top = 1;
        let listing = self.directory.list(self.caller, kind, &options.list)?;
        Ok(self.replies.number(listing.count.unwrap_or_default()))
    }

    fn create(&self, name: &str, kind: ObjectKind) -> Routed {
        let object = self.directory.create(self.caller, kind, &self.body()?)?;
        Ok(self.made(name, shown(kind, &object, None), &object))
    }

    /// The reply that tells of a new object.
    pub(crate) fn made(&self, name: &str, shown: Map<String, Value>, object: &Value) -> Answer {
        let of = format!("{name}/$entity");
        let mut body =
            Map::from_iter([("@odata.context".to_owned(), self.replies.context(self.version, &of))]);
        body.extend(shown);
        let id = object.get("id").and_then(Value::as_str).unwrap_or_default();
        let location = format!("{}/{}/{name}/{id}", self.replies.graph, self.version);
        self.replies.created(&location, &Value::Object(body))
    }

    /// Adds the related objects that `$expand` asks for.
    fn expand(
        &self,
        kind: ObjectKind,
        object: &Value,
        expands: &[Expand],
        members: &mut Map<String, Value>,
    ) -> Result<(), GraphError> {
        let Some(id) = object.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok()) else {
            return Ok(());
        };
        for expand in expands {
            let key = ObjectKey::Id(id);
            let values = match relation(kind, &expand.name) {
                Some(relation) => {
                    let request = RelationRequest { top: MOST_EXPANDED, ..RelationRequest::default() };
                    let related = self.directory.related(self.caller, kind, &key, relation, &request)?;
                    related.objects.iter().map(|one| self.typed(one, expand.select.as_deref())).collect()
                }
                None => self.expanded_assignments(kind, &key, &expand.name, MOST_EXPANDED)?,
            };
            members.insert(expand.name.clone(), json!(values));
        }
        Ok(())
    }
}

/// The relation that a name stands for, where objects of the kind have it.
pub(crate) fn relation(kind: ObjectKind, name: &str) -> Option<Relation> {
    let (relation, kinds): (Relation, &[ObjectKind]) = match name.to_ascii_lowercase().as_str() {
        "members" => (Relation::Members, &[ObjectKind::Group]),
        "transitivemembers" => (Relation::TransitiveMembers, &[ObjectKind::Group]),
        "memberof" => {
            (Relation::MemberOf, &[ObjectKind::User, ObjectKind::Group, ObjectKind::ServicePrincipal])
        }
        "transitivememberof" => (
            Relation::TransitiveMemberOf,
            &[ObjectKind::User, ObjectKind::Group, ObjectKind::ServicePrincipal],
        ),
        "owners" => {
            (Relation::Owners, &[ObjectKind::Application, ObjectKind::Group, ObjectKind::ServicePrincipal])
        }
        "ownedobjects" => (Relation::OwnedObjects, &[ObjectKind::User, ObjectKind::ServicePrincipal]),
        _ => return None,
    };
    kinds.contains(&kind).then_some(relation)
}
