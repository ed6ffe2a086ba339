//! Objects of any type: `directoryObjects`, `getByIds`, `validateProperties`, and what was deleted.

use gatepost_directory::{ObjectKey, ObjectKind, Related};
use gatepost_names::ObjectId;
use http::Method;
use serde_json::Value;

use crate::error::GraphError;
use crate::objects::collection;
use crate::options::Options;
use crate::path::Segment;
use crate::reply::{collection_context, shown};
use crate::request::{ALL_KINDS, Request, Routed, object_id, object_ids, split_key};

/// Most ids of one `getByIds`.
const MOST_IDS: usize = 1000;

impl Request<'_> {
    pub(crate) fn directory_objects(&self, first: &Segment, rest: &[Segment]) -> Routed {
        match rest {
            [action] if action.is("getByIds") => return self.get_by_ids(),
            [action] if action.is("validateProperties") => return self.validate_properties(None),
            _ => {}
        }
        let (key, rest) = split_key(first, rest)?;
        let Some(key) = key else {
            return Err(GraphError::unsupported_query("The collection 'directoryObjects' cannot be listed."));
        };
        let id = object_id(&key.value)?;
        let named = ObjectKey::Id(id);
        let is = |name: &str| rest.first().is_some_and(|next| next.is(name)) && rest.len() == 1;
        match rest {
            [] => match self.call.method {
                Method::GET => {
                    let (kind, object) = self.directory.get_any(self.caller, id)?;
                    let one = Related { kind: Some(kind), object };
                    Ok(self.single("directoryObjects/$entity", self.typed_members(&one, None)))
                }
                Method::DELETE => {
                    let (kind, _) = self.directory.get_any(self.caller, id)?;
                    self.directory.remove(self.caller, kind, &named)?;
                    Ok(self.replies.no_content())
                }
                _ => Err(GraphError::method("GET, DELETE")),
            },
            _ if is("getMemberGroups") => self.member_groups(None, &named, false),
            _ if is("getMemberObjects") => self.member_groups(None, &named, true),
            _ if is("checkMemberGroups") => self.check_member_groups(None, &named, false),
            _ if is("checkMemberObjects") => self.check_member_groups(None, &named, true),
            [next, ..] => Err(GraphError::unknown_segment(&next.name)),
        }
    }

    pub(crate) fn get_by_ids(&self) -> Routed {
        self.only(&Method::POST, "POST")?;
        let body = self.body()?;
        let invalid = || GraphError::request_bad_request("Invalid value specified for property 'types'.");
        let ids = object_ids(&body, "ids", MOST_IDS)?;
        let kinds = match body.get("types") {
            None | Some(Value::Null) => ALL_KINDS.to_vec(),
            Some(Value::Array(types)) if types.iter().all(Value::is_string) => {
                let named = |kind: &ObjectKind| {
                    let mut names = types.iter().filter_map(Value::as_str);
                    names.any(|name| {
                        name.eq_ignore_ascii_case(kind.as_str())
                            || name.eq_ignore_ascii_case("directoryObject")
                    })
                };
                ALL_KINDS.into_iter().filter(named).collect()
            }
            Some(_) => return Err(invalid()),
        };
        let options = Options::parse(self.call, None)?.for_one()?;
        let found = self.directory.get_by_ids(self.caller, &ids, &kinds)?;
        let values = found.into_iter().map(|(kind, object)| {
            self.typed(&Related { kind: Some(kind), object }, options.select.as_deref())
        });
        Ok(self.page("directoryObjects", values.collect(), None, None))
    }

    /// Whether a group could have these names: groups may share theirs, so only their form matters.
    pub(crate) fn validate_properties(&self, kind: Option<ObjectKind>) -> Routed {
        self.only(&Method::POST, "POST")?;
        let body = self.body()?;
        let invalid = |name: &str| {
            GraphError::request_bad_request(format!("Invalid value specified for property '{name}'."))
        };
        if kind.is_none() {
            let named = body.get("entityType").and_then(Value::as_str).unwrap_or_default();
            if !named.eq_ignore_ascii_case("Group") {
                return Err(invalid("entityType"));
            }
        }
        for (name, most) in [("displayName", 256), ("mailNickname", 64)] {
            match body.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if text.chars().count() <= most => {}
                Some(_) => return Err(invalid(name)),
            }
        }
        Ok(self.replies.no_content())
    }

    /// `directory/deletedItems/…`.
    pub(crate) fn deleted_items(&self, rest: &[Segment]) -> Routed {
        let Some((first, rest)) = rest.split_first() else {
            return Err(GraphError::unsupported_query(
                "The collection 'deletedItems' is listed by type: deletedItems/microsoft.graph.user.",
            ));
        };
        let cast =
            first.name.rsplit_once('.').filter(|(space, _)| space.eq_ignore_ascii_case("microsoft.graph"));
        if let Some((_, type_name)) = cast {
            let kind = ALL_KINDS.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(type_name));
            let kind = kind.ok_or_else(|| GraphError::unknown_segment(&first.name))?;
            return match rest {
                [] => self.list_deleted(kind),
                [next] if next.is("$count") => self.count_deleted(kind),
                [next, ..] => Err(GraphError::unknown_segment(&next.name)),
            };
        }
        let id = object_id(first.key.as_ref().map_or(first.name.as_str(), |key| key.value.as_str()))?;
        match rest {
            [] => self.deleted_item(id),
            [action] if action.is("restore") => {
                self.only(&Method::POST, "POST")?;
                let (kind, object) = self.directory.restore(self.caller, id)?;
                let one = Related { kind: Some(kind), object };
                Ok(self.single("directoryObjects/$entity", self.typed_members(&one, None)))
            }
            [next, ..] => Err(GraphError::unknown_segment(&next.name)),
        }
    }

    fn deleted_item(&self, id: ObjectId) -> Routed {
        match self.call.method {
            Method::GET => {
                let (kind, object) = self.directory.get_deleted(self.caller, id)?;
                let at = object.get("deletedDateTime").cloned().unwrap_or(Value::Null);
                let mut members = self.typed_members(&Related { kind: Some(kind), object }, None);
                members.insert("deletedDateTime".to_owned(), at);
                Ok(self.single("directoryObjects/$entity", members))
            }
            Method::DELETE => {
                self.directory.purge(self.caller, id)?;
                Ok(self.replies.no_content())
            }
            _ => Err(GraphError::method("GET, DELETE")),
        }
    }

    fn list_deleted(&self, kind: ObjectKind) -> Routed {
        self.only(&Method::GET, "GET")?;
        let options = Options::parse(self.call, Some(kind))?;
        let listing = self.directory.list_deleted(self.caller, kind, &options.list)?;
        let select = options.select.as_deref();
        let shown_with_time = |object: &Value| {
            let mut members = shown(kind, object, select);
            // When it was deleted is what a list of deleted objects is for.
            if select.is_none() {
                let at = object.get("deletedDateTime").cloned().unwrap_or(Value::Null);
                members.insert("deletedDateTime".to_owned(), at);
            }
            Value::Object(members)
        };
        let values = listing.objects.iter().map(shown_with_time).collect();
        let next = listing.next.map(|next| self.next_link(&options, &next));
        Ok(self.page(&collection_context(collection(kind), select), values, listing.count, next))
    }

    fn count_deleted(&self, kind: ObjectKind) -> Routed {
        self.only(&Method::GET, "GET")?;
        self.require_eventual()?;
        let mut options = Options::parse(self.call, Some(kind))?;
        (options.list.count, options.list.top) = (true, 1);
        let listing = self.directory.list_deleted(self.caller, kind, &options.list)?;
        Ok(self.replies.number(listing.count.unwrap_or_default()))
    }

    /// `me`: the signed-in user, and what follows it.
    pub(crate) fn me(&self, rest: &[Segment]) -> Routed {
        if self.caller.kind != gatepost_names::PrincipalKind::User {
            return Err(GraphError::bad_request(
                "/me request is only valid with delegated authentication flow.",
            ));
        }
        let key = ObjectKey::Id(self.caller.object_id);
        match rest.split_first() {
            None => self.object("users", ObjectKind::User, &key),
            Some((next, [])) if next.is("changePassword") => self.change_own_password(),
            Some((next, rest)) => self.navigate(ObjectKind::User, &key, next, rest),
        }
    }

    fn change_own_password(&self) -> Routed {
        self.only(&Method::POST, "POST")?;
        let body = self.body()?;
        let text = |name: &str| {
            body.get(name).and_then(Value::as_str).ok_or_else(|| {
                GraphError::request_bad_request(format!("Invalid value specified for property '{name}'."))
            })
        };
        let (old, new) = (text("currentPassword")?, text("newPassword")?);
        self.directory.change_password(
            self.caller.tenant,
            self.caller.object_id,
            old,
            new,
            Some(self.call.peer.ip()),
        )?;
        Ok(self.replies.no_content())
    }
}
