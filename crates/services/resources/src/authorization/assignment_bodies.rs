//! Role assignments on the wire: what a body asks for, what a reader sees.

use gatepost_access::RoleAssignment;
use gatepost_clock::{Timestamp, arm_format};
use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope};
use serde_json::{Map, Value};

use super::bodies::{check_name, check_scope, excerpt, object, properties_of};
use super::conditions::{self, condition_of};
use super::{base_of, optional_text, role_definition_id, role_named_by};
use crate::ResourceError;
use crate::tags::{bad, malformed};
use crate::versions::ApiVersion;

/// Most bytes of a description.
const LONGEST_DESCRIPTION: usize = 2048;

/// The first api-versions that have conditions and descriptions, and types of principals.
const CONDITIONS_SINCE: &str = "2020-03-01";
const PRINCIPAL_TYPES_SINCE: &str = "2018-09-01";

/// The type of a principal that is gone.
const ORPHANED: &str = "Unknown";

/// What the body of a PUT asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) role: RoleDefinitionId,
    pub(super) principal: ObjectId,
    /// What the client says the principal is.
    pub(super) kind: Option<PrincipalKind>,
    pub(super) description: Remark,
    pub(super) condition: Remark,
    pub(super) starts: Moment,
    pub(super) ends: Moment,
}

/// What may change about an assignment, or stay as it is where the body says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<T> {
    Unchanged,
    Set(Option<T>),
}

/// Description or condition. A client of an api-version that has none of these knows nothing of them and must
/// not take them away by writing back what it read.
pub(super) type Remark = Said<String>;

/// From when or until when it holds. Our own: no client of Azure sends it, so leaving it out changes nothing,
/// and null takes it away.
pub(super) type Moment = Said<Timestamp>;

impl<T> Said<T> {
    /// What it is after this change.
    pub(super) fn after(self, before: Option<T>) -> Option<T> {
        match self {
            Said::Unchanged => before,
            Said::Set(wanted) => wanted,
        }
    }
}

impl Moment {
    fn read(properties: &Value, name: &str) -> Result<Moment, ResourceError> {
        let wrong = || malformed(&format!("'{name}' must be a time such as 2030-01-31T12:00:00Z, or null."));
        match properties.get(name) {
            None => Ok(Moment::Unchanged),
            Some(Value::Null) => Ok(Moment::Set(None)),
            Some(Value::String(text)) => {
                text.trim().parse().map(|at| Moment::Set(Some(at))).map_err(|_| wrong())
            }
            Some(_) => Err(wrong()),
        }
    }
}

impl Wanted {
    pub(super) fn read(
        version: ApiVersion<'_>,
        scope: &Scope,
        name: RoleAssignmentName,
        body: &Value,
    ) -> Result<Wanted, ResourceError> {
        let properties = properties_of(body)?;
        check_name(body, name.0)?;
        check_scope(properties, scope)?;
        let required = |name: &str| {
            optional_text(properties, name)?
                .ok_or_else(|| malformed(&format!("Required property '{name}' not found in JSON.")))
        };
        let role = required("roleDefinitionId")?;
        let principal = required("principalId")?;
        Ok(Wanted {
            role: role_named_by(role).ok_or_else(|| {
                let role = excerpt(role);
                bad("InvalidRoleDefinitionId", format!("The role definition ID '{role}' is not valid."))
            })?,
            principal: principal.parse().map_err(|_| {
                bad("InvalidPrincipalId", "A valid principal ID must be provided for role assignment.".into())
            })?,
            // An orphan is read as of an unknown type, and written back so.
            kind: optional_text(properties, "principalType")?
                .filter(|kind| !kind.eq_ignore_ascii_case(ORPHANED))
                .map(kind_of)
                .transpose()?,
            description: remark(version, properties, "description", description_of(properties)?),
            condition: remark(version, properties, "condition", condition_of(properties)?),
            starts: Moment::read(properties, "startDateTime")?,
            ends: Moment::read(properties, "endDateTime")?,
        })
    }
}

/// An api-version that has remarks takes away what the body leaves out; an older one changes what it names, and
/// nothing else: a condition narrows what the assignment grants.
fn remark(version: ApiVersion<'_>, properties: &Value, name: &str, wanted: Option<String>) -> Remark {
    let says = version.since(CONDITIONS_SINCE) || properties.get(name).is_some();
    if says { Said::Set(wanted) } else { Said::Unchanged }
}

fn description_of(properties: &Value) -> Result<Option<String>, ResourceError> {
    let description = optional_text(properties, "description")?.map(str::to_owned);
    if description.as_ref().is_some_and(|text| text.len() > LONGEST_DESCRIPTION) {
        return Err(bad(
            "RoleAssignmentDescriptionTooLong",
            format!("The role assignment description has at most {LONGEST_DESCRIPTION} bytes."),
        ));
    }
    Ok(description)
}

pub(super) fn kind_of(text: &str) -> Result<PrincipalKind, ResourceError> {
    PrincipalKind::parse(text).ok_or_else(|| {
        bad(
            "InvalidPrincipalType",
            format!(
                "The principal type '{}' is not valid: 'User', 'Group' and 'ServicePrincipal' are.",
                excerpt(text)
            ),
        )
    })
}

/// That an assignment with these times makes sense.
///
/// # Errors
/// [`ResourceError::BadRequest`] with `InvalidRoleAssignmentSchedule`.
pub(super) fn check_times(starts: Option<Timestamp>, ends: Option<Timestamp>) -> Result<(), ResourceError> {
    match (starts, ends) {
        (Some(starts), Some(ends)) if ends <= starts => Err(bad(
            "InvalidRoleAssignmentSchedule",
            "The 'endDateTime' of a role assignment must be later than its 'startDateTime'.".into(),
        )),
        _ => Ok(()),
    }
}

/// An assignment as it is read at `scope`.
pub(super) fn shown(
    assignment: &RoleAssignment,
    scope: &Scope,
    version: ApiVersion<'_>,
    orphaned: bool,
) -> Value {
    let at = &assignment.scope;
    let role_seen_from = if scope.subscription_id().is_some() { scope } else { at };
    let mut properties = Map::new();
    let mut set = |name: &str, value: Value| {
        properties.insert(name.to_owned(), value);
    };
    set("roleDefinitionId", role_definition_id(assignment.role, role_seen_from).into());
    set("principalId", assignment.principal.to_string().into());
    if version.since(PRINCIPAL_TYPES_SINCE) {
        let kind = if orphaned { ORPHANED } else { assignment.principal_kind.as_str() };
        set("principalType", kind.into());
    }
    set("scope", at.as_str().into());
    if version.since(CONDITIONS_SINCE) {
        set("description", assignment.description.clone().into());
        set("condition", assignment.condition.clone().into());
        set("conditionVersion", assignment.condition.as_ref().map(|_| conditions::VERSION).into());
    }
    set("createdOn", arm_format(assignment.created_on).into());
    set("updatedOn", arm_format(assignment.updated_on).into());
    set("createdBy", assignment.created_by.map(|id| id.to_string()).into());
    set("updatedBy", assignment.updated_by.map(|id| id.to_string()).into());
    if version.since("2020-08-01") {
        set("delegatedManagedIdentityResourceId", Value::Null);
    } else if version.since("2018-01-01") {
        set("canDelegate", Value::Null);
    }
    for (name, moment) in [("startDateTime", assignment.starts), ("endDateTime", assignment.ends)] {
        if moment.is_some() || version.is_own() {
            set(name, moment.map(arm_format).into());
        }
    }
    object([
        ("id", assignment_id(assignment).into()),
        ("type", "Microsoft.Authorization/roleAssignments".into()),
        ("name", assignment.name.to_string().into()),
        ("properties", Value::Object(properties)),
    ])
}

fn assignment_id(assignment: &RoleAssignment) -> String {
    let base = base_of(&assignment.scope);
    format!("{base}/providers/Microsoft.Authorization/roleAssignments/{}", assignment.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    const ROLE: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
    const NAME: RoleAssignmentName = RoleAssignmentName(Uuid::from_u128(5));

    fn read(version: &str, body: &Value) -> Result<Wanted, ResourceError> {
        Wanted::read(ApiVersion::new(version), &Scope::parse(SUB).unwrap(), NAME, body)
    }

    fn code(result: Result<Wanted, ResourceError>) -> String {
        match result.unwrap_err() {
            ResourceError::BadRequest { code, .. } => code.to_owned(),
            ResourceError::InvalidRequestContent(_) => "InvalidRequestContent".to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_body_is_checked() {
        let good =
            json!({"roleDefinitionId": ROLE, "principalId": ROLE, "principalType": "serviceprincipal"});
        let wanted = read("2022-04-01", &json!({ "properties": good })).unwrap();
        assert_eq!(wanted.kind, Some(PrincipalKind::ServicePrincipal));
        assert_eq!((wanted.starts, wanted.ends), (Moment::Unchanged, Moment::Unchanged));
        for (name, value, expected) in [
            ("roleDefinitionId", json!(null), "InvalidRequestContent"),
            ("roleDefinitionId", json!(1), "InvalidRequestContent"),
            ("roleDefinitionId", json!("Reader"), "InvalidRoleDefinitionId"),
            ("principalId", json!("x"), "InvalidPrincipalId"),
            ("principalId", json!(null), "InvalidRequestContent"),
            ("principalType", json!("Robot"), "InvalidPrincipalType"),
            ("description", json!("x".repeat(2049)), "RoleAssignmentDescriptionTooLong"),
            ("description", json!(3), "InvalidRequestContent"),
            ("condition", json!(["x"]), "InvalidRequestContent"),
            ("condition", json!("@Resource[x] StringEquals 'y'"), "InvalidCondition"),
            ("startDateTime", json!("yesterday"), "InvalidRequestContent"),
            ("endDateTime", json!(3), "InvalidRequestContent"),
            ("scope", json!("/"), "InvalidRequestContent"),
        ] {
            let mut wrong = good.clone();
            wrong[name] = value;
            assert_eq!(code(read("2022-04-01", &json!({ "properties": wrong }))), expected, "{wrong}");
        }
        assert!(read("2022-04-01", &json!("x")).is_err());
    }

    #[test]
    fn an_older_client_leaves_alone_what_it_does_not_know() {
        let mut body = json!({"roleDefinitionId": ROLE, "principalId": ROLE});
        let remarks = |version: &str, body: &Value| {
            let wanted = read(version, body).unwrap();
            (wanted.description, wanted.condition)
        };
        assert_eq!(remarks("2015-07-01", &body), (Said::Unchanged, Said::Unchanged));
        assert_eq!(remarks("2022-04-01", &body), (Said::Set(None), Said::Set(None)));
        body["description"] = json!("d");
        assert_eq!(remarks("2015-07-01", &body), (Said::Set(Some("d".into())), Said::Unchanged));
        assert_eq!(remarks("2022-04-01", &body), (Said::Set(Some("d".into())), Said::Set(None)));
    }

    #[test]
    fn a_refusal_does_not_echo_the_whole_body() {
        let long = "x".repeat(1 << 20);
        for name in ["roleDefinitionId", "principalId", "principalType"] {
            let mut body = json!({"roleDefinitionId": ROLE, "principalId": ROLE});
            body[name] = json!(long);
            let refused = read("2022-04-01", &body).unwrap_err().to_string();
            assert!(refused.len() < 400, "{name}");
        }
    }

    #[test]
    fn an_end_comes_after_its_start() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let (one, two) = (at("2030-01-01T00:00:00Z"), at("2030-01-02T00:00:00+01:00"));
        assert!(check_times(one, two).is_ok());
        assert!(check_times(None, one).is_ok());
        assert!(check_times(two, one).is_err());
        assert!(check_times(one, one).is_err());
        let body = json!({"roleDefinitionId": ROLE, "principalId": ROLE, "endDateTime": null});
        assert_eq!(read("2022-04-01", &body).unwrap().ends, Moment::Set(None));
        assert_eq!(Moment::Unchanged.after(one), one);
        assert_eq!(Moment::Set(None).after(one), None);
    }

    #[test]
    fn fields_depend_on_the_api_version() {
        let at = "2030-01-01T00:00:00Z".parse().unwrap();
        let assignment = RoleAssignment {
            name: NAME,
            tenant: gatepost_names::TenantId(Uuid::from_u128(1)),
            scope: Scope::parse(SUB).unwrap(),
            role: ROLE.parse().unwrap(),
            principal: ObjectId(Uuid::from_u128(2)),
            principal_kind: PrincipalKind::Group,
            description: None,
            condition: Some("c".into()),
            condition_version: Some("2.0".into()),
            starts: None,
            ends: None,
            created_on: at,
            updated_on: at,
            created_by: None,
            updated_by: None,
        };
        let show = |assignment: &RoleAssignment, version: &str, orphaned: bool| {
            shown(assignment, &assignment.scope, ApiVersion::new(version), orphaned)["properties"].clone()
        };
        let old = show(&assignment, "2015-07-01", false);
        for absent in ["principalType", "condition", "description", "canDelegate", "endDateTime"] {
            assert_eq!(old.get(absent), None, "{absent}");
        }
        let middle = show(&assignment, "2018-09-01-preview", false);
        assert_eq!(middle["principalType"], "Group");
        assert_eq!(middle.get("condition"), None);
        assert_eq!(middle["canDelegate"], Value::Null);
        let new = show(&assignment, "2022-04-01", true);
        assert_eq!(new["principalType"], "Unknown");
        assert_eq!(new["conditionVersion"], "2.0");
        assert_eq!(new.get("endDateTime"), None);
        assert_eq!(show(&assignment, "2026-11-01-gatepost", false)["endDateTime"], Value::Null);
        let ending = RoleAssignment { ends: Some(at), ..assignment };
        assert_eq!(show(&ending, "2022-04-01", false)["endDateTime"], "2030-01-01T00:00:00.0000000Z");
    }
}
