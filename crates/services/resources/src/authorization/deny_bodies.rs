//! Deny assignments on the wire (reference rbac.md section 10, authorization-arm.md).

use gatepost_access::{DenyEffect, DenyPrincipal, PermissionBlock, StoredDeny};
use gatepost_clock::arm_format;
use gatepost_names::{ObjectId, Scope};
use gatepost_rbac::Plane;
use gatepost_rbac::custom::check_actions;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::bodies::{check_name, check_scope, excerpt, properties_of};
use super::conditions::{self, condition_of};
use super::definition_bodies::{block_shown, permissions_of, refused};
use super::{base_of, optional_text};
use crate::ResourceError;
use crate::catalogue::Catalogue;
use crate::tags::{bad, malformed};
use crate::versions::ApiVersion;

/// The principal that stands for everybody, and its type.
pub(super) const EVERYONE: ObjectId = ObjectId(Uuid::nil());
const SYSTEM_DEFINED: &str = "SystemDefined";

/// The first api-version in which they can be written, and have an effect.
pub(super) const WRITABLE_SINCE: &str = "2024-07-01";

const LONGEST_NAME: usize = 512;
const LONGEST_DESCRIPTION: usize = 2048;
/// Most principals, and most excluded ones.
const MOST_PRINCIPALS: usize = 1000;

/// What the body of a PUT asks for. The types of principals are as the client says.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) permissions: Vec<PermissionBlock>,
    pub(super) principals: Vec<(ObjectId, Option<String>)>,
    pub(super) excluded: Vec<(ObjectId, Option<String>)>,
    pub(super) not_for_children: bool,
    pub(super) effect: DenyEffect,
    pub(super) condition: Option<String>,
}

impl Wanted {
    pub(super) fn read(
        catalogue: &Catalogue,
        version: ApiVersion<'_>,
        scope: &Scope,
        id: Uuid,
        body: &Value,
    ) -> Result<Wanted, ResourceError> {
        let properties = properties_of(body)?;
        check_name(body, id)?;
        check_scope(properties, scope)?;
        let wanted = Wanted {
            name: name_of(properties)?,
            description: description_of(properties)?,
            permissions: denied_of(catalogue, properties)?,
            principals: principals_of(properties, "principals")?,
            excluded: principals_of(properties, "excludePrincipals")?,
            not_for_children: flag(properties, "doNotApplyToChildScopes")?,
            effect: effect_of(properties)?,
            condition: condition_of(properties)?,
        };
        wanted.check_principals(version)?;
        Ok(wanted)
    }

    /// Whom it may be about. Azure takes everyone but some, or one user or service principal; ours any.
    fn check_principals(&self, version: ApiVersion<'_>) -> Result<(), ResourceError> {
        let refuse = |why: &str| Err(bad("InvalidDenyAssignmentPrincipals", why.into()));
        let everyone = |(id, _): &(ObjectId, Option<String>)| *id == EVERYONE;
        if self.excluded.iter().any(everyone) {
            return refuse("All principals cannot be excluded from a deny assignment.");
        }
        let kind = |(_, kind): &(ObjectId, Option<String>)| kind.clone().unwrap_or_default();
        match self.principals.as_slice() {
            [] => refuse("A deny assignment must have a principal."),
            [only] if everyone(only) => {
                if !kind(only).eq_ignore_ascii_case(SYSTEM_DEFINED) {
                    return refuse("The principal of all principals has the type 'SystemDefined'.");
                }
                if self.excluded.is_empty() {
                    return refuse("A deny assignment for all principals must exclude at least one.");
                }
                Ok(())
            }
            several if several.iter().any(everyone) => {
                refuse("A deny assignment for all principals has no other principal.")
            }
            several if several.iter().any(|one| kind(one).eq_ignore_ascii_case(SYSTEM_DEFINED)) => {
                refuse("Only all principals have the type 'SystemDefined'.")
            }
            [_] => Ok(()),
            _ if version.is_own() => Ok(()),
            _ => refuse("A deny assignment is for all principals, or for one user or service principal."),
        }
    }
}

fn name_of(properties: &Value) -> Result<String, ResourceError> {
    let name = optional_text(properties, "denyAssignmentName")?.map(str::trim).unwrap_or("");
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(bad(
            "InvalidDenyAssignmentName",
            format!("A deny assignment must have a name of at most {LONGEST_NAME} printable characters."),
        ));
    }
    Ok(name.to_owned())
}

fn description_of(properties: &Value) -> Result<Option<String>, ResourceError> {
    let description = optional_text(properties, "description")?;
    if description.is_some_and(|text| text.len() > LONGEST_DESCRIPTION) {
        return Err(bad(
            "DenyAssignmentDescriptionTooLong",
            format!("The deny assignment description has at most {LONGEST_DESCRIPTION} bytes."),
        ));
    }
    Ok(description.map(str::to_owned))
}

/// The blocks of `permissions`, as a deny assignment may have them.
pub(crate) fn denied_of(
    catalogue: &Catalogue,
    properties: &Value,
) -> Result<Vec<PermissionBlock>, ResourceError> {
    let permissions = permissions_of(properties)?;
    let known = |action: &str, plane: Plane| catalogue.knows(action, plane);
    check_actions(&permissions, &known).map_err(refused)?;
    if permissions.iter().any(|block| block.condition.is_some()) {
        // What narrows a deny lets something through: there is one place to look for it.
        return Err(bad(
            "InvalidCondition",
            "The condition of a deny assignment is its own, not one of its permissions.".into(),
        ));
    }
    if permissions.iter().all(|block| block.actions.is_empty() && block.data_actions.is_empty()) {
        return Err(bad(
            "InvalidDenyAssignmentPermissions",
            "A deny assignment must deny at least one action or data action.".into(),
        ));
    }
    Ok(permissions)
}

fn principals_of(properties: &Value, name: &str) -> Result<Vec<(ObjectId, Option<String>)>, ResourceError> {
    let wrong = || malformed(&format!("'{name}' must be an array of objects with 'id' and 'type'."));
    let items = match properties.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(wrong()),
    };
    if items.len() > MOST_PRINCIPALS {
        return Err(bad(
            "InvalidDenyAssignmentPrincipals",
            format!("A deny assignment has at most {MOST_PRINCIPALS} '{name}'."),
        ));
    }
    let mut read: Vec<(ObjectId, Option<String>)> = Vec::with_capacity(items.len());
    for item in items {
        let id = item.get("id").and_then(Value::as_str).ok_or_else(wrong)?;
        let id: ObjectId = id.parse().map_err(|_| {
            bad("InvalidPrincipalId", format!("The principal ID '{}' is not a GUID.", excerpt(id)))
        })?;
        let kind = optional_text(item, "type")?.map(str::to_owned);
        if read.iter().all(|(known, _)| *known != id) {
            read.push((id, kind));
        }
    }
    Ok(read)
}

fn flag(properties: &Value, name: &str) -> Result<bool, ResourceError> {
    match properties.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(malformed(&format!("'{name}' must be true or false."))),
    }
}

fn effect_of(properties: &Value) -> Result<DenyEffect, ResourceError> {
    match optional_text(properties, "denyAssignmentEffect")? {
        None => Ok(DenyEffect::Enforced),
        Some(text) if text.eq_ignore_ascii_case("enforced") => Ok(DenyEffect::Enforced),
        Some(text) if text.eq_ignore_ascii_case("audit") => Ok(DenyEffect::Audit),
        Some(text) => Err(bad(
            "InvalidDenyAssignmentEffect",
            format!("The effect '{}' is not valid: 'enforced' and 'audit' are.", excerpt(text)),
        )),
    }
}

/// What `shown` asks about a principal.
pub(super) type NameOf<'a> = dyn Fn(ObjectId) -> Option<String> + 'a;

/// A deny assignment as it is read; `name_of` answers what people call a principal.
pub(super) fn shown(deny: &StoredDeny, version: ApiVersion<'_>, name_of: &NameOf<'_>) -> Value {
    let mut properties = Map::new();
    let mut set = |name: &str, value: Value| {
        properties.insert(name.to_owned(), value);
    };
    let principals = |list: &[DenyPrincipal]| -> Value {
        list.iter().map(|one| principal_shown(one, version, name_of)).collect()
    };
    set("denyAssignmentName", deny.name.as_str().into());
    set("description", json!(deny.description));
    set("permissions", deny.permissions.iter().map(|block| block_shown(block, version)).collect());
    set("scope", deny.scope.as_str().into());
    set("doNotApplyToChildScopes", deny.not_for_children.into());
    set("principals", principals(&deny.principals));
    set("excludePrincipals", principals(&deny.excluded));
    set("isSystemProtected", deny.system_protected.into());
    if version.since("2022-04-01") {
        set("condition", json!(deny.condition));
        set("conditionVersion", json!(deny.condition.as_ref().map(|_| conditions::VERSION)));
    }
    if version.since(WRITABLE_SINCE) {
        let effect = if deny.effect == DenyEffect::Audit { "audit" } else { "enforced" };
        set("denyAssignmentEffect", effect.into());
    }
    let (created, updated) = (arm_format(deny.created_on), arm_format(deny.updated_on));
    let (creator, updater) =
        (deny.created_by.map(|id| id.to_string()), deny.updated_by.map(|id| id.to_string()));
    set("createdOn", created.as_str().into());
    set("updatedOn", updated.as_str().into());
    set("createdBy", json!(creator));
    set("updatedBy", json!(updater));
    let mut body = enveloped(deny, Value::Object(properties));
    if version.since(WRITABLE_SINCE)
        && let Some(body) = body.as_object_mut()
    {
        let system_data = json!({
            "createdBy": creator, "createdAt": created, "lastModifiedBy": updater, "lastModifiedAt": updated,
        });
        body.insert("systemData".into(), system_data);
    }
    body
}

/// As much of a deny assignment as goes into an export of a person's data.
pub(super) fn exported(deny: &StoredDeny) -> Value {
    enveloped(deny, json!({"denyAssignmentName": deny.name, "description": deny.description}))
}

fn enveloped(deny: &StoredDeny, properties: Value) -> Value {
    json!({
        "id": format!("{}/providers/Microsoft.Authorization/denyAssignments/{}", base_of(&deny.scope), deny.id),
        "type": "Microsoft.Authorization/denyAssignments",
        "name": deny.id.to_string(),
        "properties": properties,
    })
}

fn principal_shown(principal: &DenyPrincipal, version: ApiVersion<'_>, name_of: &NameOf<'_>) -> Value {
    let mut shown = json!({"id": principal.id.to_string(), "type": principal.kind});
    if version.since("2022-04-01")
        && let (Some(name), Some(shown)) = (name_of(principal.id), shown.as_object_mut())
    {
        shown.insert("displayName".into(), name.into());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
    const ONE: &str = "11111111-0000-0000-0000-000000000001";
    const TWO: &str = "11111111-0000-0000-0000-000000000002";
    const AZURE: &str = "2026-09-01";
    const OWN: &str = "2026-11-01-gatepost";

    fn read(version: &str, properties: Value) -> Result<Wanted, String> {
        let catalogue = Catalogue::of(&Registry::new(crate::communication::types()));
        let scope = Scope::parse(SUB).unwrap();
        let body = json!({ "properties": properties });
        Wanted::read(&catalogue, ApiVersion::new(version), &scope, Uuid::from_u128(3), &body).map_err(
            |error| match error {
                ResourceError::BadRequest { code, .. } | ResourceError::Detailed { code, .. } => {
                    code.to_owned()
                }
                ResourceError::InvalidRequestContent(_) => "InvalidRequestContent".to_owned(),
                other => panic!("{other:?}"),
            },
        )
    }

    fn everyone_but_one() -> Value {
        json!({
            "denyAssignmentName": "no deletes",
            "permissions": [{"actions": ["*/delete"]}],
            "principals": [{"id": Uuid::nil().to_string(), "type": "SystemDefined"}],
            "excludePrincipals": [{"id": ONE, "type": "ServicePrincipal"}],
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut body = everyone_but_one();
        body[name] = value;
        body
    }

    #[test]
    fn deny_everyone_but_one_is_read_with_its_defaults() {
        let wanted = read(AZURE, everyone_but_one()).unwrap();
        assert_eq!((wanted.effect, wanted.not_for_children), (DenyEffect::Enforced, false));
        assert_eq!(wanted.principals, [(EVERYONE, Some("SystemDefined".to_owned()))]);
        let audit = with("denyAssignmentEffect", json!("Audit"));
        assert_eq!(read(AZURE, audit).unwrap().effect, DenyEffect::Audit);
    }

    #[test]
    fn deny_needs_a_name_and_an_action_or_data_action() {
        for (name, value, code) in [
            ("denyAssignmentName", json!(null), "InvalidDenyAssignmentName"),
            ("denyAssignmentName", json!(" "), "InvalidDenyAssignmentName"),
            ("denyAssignmentName", json!("x".repeat(513)), "InvalidDenyAssignmentName"),
            ("denyAssignmentName", json!("a\nb"), "InvalidDenyAssignmentName"),
            ("description", json!("x".repeat(2049)), "DenyAssignmentDescriptionTooLong"),
            ("permissions", json!(null), "InvalidDenyAssignmentPermissions"),
            ("permissions", json!([{"notActions": ["*/read"]}]), "InvalidDenyAssignmentPermissions"),
            ("permissions", json!([{"actions": ["a/*/*"]}]), "InvalidActionOrNotAction"),
            (
                "permissions",
                json!([{"actions": ["*"], "condition": "@Resource[x] StringEquals 'y'"}]),
                "InvalidCondition",
            ),
            ("denyAssignmentEffect", json!("maybe"), "InvalidDenyAssignmentEffect"),
            ("doNotApplyToChildScopes", json!("yes"), "InvalidRequestContent"),
            ("principals", json!({}), "InvalidRequestContent"),
            ("principals", json!([{"type": "User"}]), "InvalidRequestContent"),
            ("principals", json!([{"id": "x"}]), "InvalidPrincipalId"),
            ("condition", json!("@Resource[x] StringEquals 'y'"), "InvalidCondition"),
            ("scope", json!("/"), "InvalidRequestContent"),
        ] {
            assert_eq!(read(AZURE, with(name, value.clone())), Err(code.to_owned()), "{name}: {value}");
        }
        let data = with("permissions", json!([{"dataActions": ["*"]}]));
        assert!(read(AZURE, data).is_ok());
    }

    #[test]
    fn deny_for_everyone_excludes_somebody_and_everyone_is_no_exclusion() {
        let refused = Err("InvalidDenyAssignmentPrincipals".to_owned());
        let nil = Uuid::nil().to_string();
        for (name, value) in [
            ("excludePrincipals", json!([])),
            ("excludePrincipals", json!([{"id": nil, "type": "SystemDefined"}])),
            ("principals", json!([])),
            ("principals", json!([{"id": nil, "type": "User"}])),
            ("principals", json!([{"id": nil}])),
            ("principals", json!([{"id": ONE, "type": "SystemDefined"}])),
            ("principals", json!([{"id": nil, "type": "SystemDefined"}, {"id": ONE, "type": "User"}])),
        ] {
            for version in [AZURE, OWN] {
                assert_eq!(read(version, with(name, value.clone())), refused, "{name}: {value}");
            }
        }
    }

    #[test]
    fn deny_for_several_is_our_own() {
        let two = with("principals", json!([{"id": ONE, "type": "User"}, {"id": TWO, "type": "Group"}]));
        assert_eq!(read(AZURE, two.clone()), Err("InvalidDenyAssignmentPrincipals".to_owned()));
        assert_eq!(read(OWN, two).unwrap().principals.len(), 2);
        let one = with("principals", json!([{"id": ONE, "type": "User"}, {"id": ONE, "type": "User"}]));
        assert_eq!(read(AZURE, one).unwrap().principals.len(), 1, "said twice");
    }

    #[test]
    fn deny_fields_depend_on_the_api_version() {
        let at = "2030-01-01T00:00:00Z".parse().unwrap();
        let deny = StoredDeny {
            tenant: gatepost_names::TenantId(Uuid::from_u128(1)),
            id: Uuid::from_u128(3),
            scope: Scope::root(),
            name: "n".into(),
            description: Some("d".into()),
            permissions: vec![PermissionBlock::default()],
            principals: vec![DenyPrincipal { id: ONE.parse().unwrap(), kind: "User".into() }],
            excluded: Vec::new(),
            not_for_children: true,
            effect: DenyEffect::Audit,
            condition: None,
            condition_version: None,
            system_protected: false,
            created_on: at,
            created_by: None,
            updated_on: at,
            updated_by: None,
        };
        let name_of = |_| Some("Ada".to_owned());
        let show = |version: &str| shown(&deny, ApiVersion::new(version), &name_of);
        let old = show("2018-07-01-preview");
        assert_eq!(old["id"], format!("/providers/Microsoft.Authorization/denyAssignments/{}", deny.id));
        assert_eq!(old["properties"]["principals"], json!([{"id": ONE, "type": "User"}]));
        assert_eq!(old["properties"].get("denyAssignmentEffect"), None);
        assert_eq!(show("2022-04-01")["properties"]["principals"][0]["displayName"], "Ada");
        let new = show(AZURE);
        assert_eq!(new["properties"]["denyAssignmentEffect"], "audit");
        assert!(new["systemData"]["createdAt"].is_string());
        assert_eq!(exported(&deny)["properties"], json!({"denyAssignmentName": "n", "description": "d"}));
    }
}
