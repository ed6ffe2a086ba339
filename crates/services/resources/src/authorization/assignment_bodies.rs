//! Role assignments on the wire: what a body asks for, what a filter asks for, what a reader sees.

use gatepost_access::RoleAssignment;
use gatepost_clock::arm_format;
use gatepost_names::{ObjectId, PrincipalKind, RoleDefinitionId, Scope};
use gatepost_odata::Filter;
use serde_json::{Value, json};

use super::{optional_text, properties_of, role_definition_id};
use crate::ResourceError;
use crate::listing::invalid;
use crate::tags::{bad, malformed};

/// Most characters of a description.
const LONGEST_DESCRIPTION: usize = 2048;

/// What the body of a PUT asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) role: RoleDefinitionId,
    pub(super) principal: ObjectId,
    pub(super) kind: Option<PrincipalKind>,
    pub(super) description: Option<String>,
    pub(super) condition: Option<String>,
}

impl Wanted {
    pub(super) fn read(body: &Value) -> Result<Wanted, ResourceError> {
        let properties = properties_of(body)?;
        let text = |name: &str| optional_text(properties, name);
        let role = text("roleDefinitionId")?
            .ok_or_else(|| malformed("Required property 'roleDefinitionId' not found in JSON."))?;
        let principal = text("principalId")?
            .ok_or_else(|| malformed("Required property 'principalId' not found in JSON."))?;
        let condition = text("condition")?.filter(|condition| !condition.trim().is_empty());
        let wanted = Wanted {
            role: role_of(role)?,
            principal: principal.parse().map_err(|_| {
                bad("InvalidPrincipalId", "A valid principal ID must be provided for role assignment.".into())
            })?,
            kind: text("principalType")?.map(kind_of).transpose()?,
            description: text("description")?.map(str::to_owned),
            condition: condition.map(str::to_owned),
        };
        wanted.check()?;
        Ok(wanted)
    }

    fn check(&self) -> Result<(), ResourceError> {
        let longer = |text: &Option<String>, most| text.as_ref().is_some_and(|t| t.chars().count() > most);
        if longer(&self.description, LONGEST_DESCRIPTION) {
            return Err(bad(
                "RoleAssignmentDescriptionTooLong",
                format!("The role assignment description has at most {LONGEST_DESCRIPTION} characters."),
            ));
        }
        // A condition that is kept and not evaluated would make people believe in it.
        if self.condition.is_some() {
            return Err(bad(
                "RoleAssignmentConditionNotSupported",
                "Conditions on role assignments are not supported by this server. Leave out 'condition' and \
                 'conditionVersion'."
                    .into(),
            ));
        }
        Ok(())
    }
}

/// The role that a `roleDefinitionId` names: the full id below any scope, or the GUID alone.
fn role_of(text: &str) -> Result<RoleDefinitionId, ResourceError> {
    const KIND: &str = "/providers/Microsoft.Authorization/roleDefinitions/";
    let wrong = || bad("InvalidRoleDefinitionId", format!("The role definition ID '{text}' is not valid."));
    let at = text.to_ascii_lowercase().rfind(&KIND.to_ascii_lowercase());
    let guid = match at {
        Some(at) => text.get(at + KIND.len()..).unwrap_or(""),
        None => text,
    };
    guid.parse().map_err(|_| wrong())
}

fn kind_of(text: &str) -> Result<PrincipalKind, ResourceError> {
    PrincipalKind::parse(text).ok_or_else(|| {
        bad(
            "InvalidPrincipalType",
            format!("The principal type '{text}' is not valid: 'User', 'Group' and 'ServicePrincipal' are."),
        )
    })
}

/// An assignment as it is read at `scope`.
pub(super) fn shown(assignment: &RoleAssignment, scope: &Scope) -> Value {
    let at = &assignment.scope;
    let base = if at.as_str() == "/" { "" } else { at.as_str() };
    let role_seen_from = if scope.subscription_id().is_some() { scope } else { at };
    json!({
        "id": format!("{base}/providers/Microsoft.Authorization/roleAssignments/{}", assignment.name),
        "type": "Microsoft.Authorization/roleAssignments",
        "name": assignment.name.to_string(),
        "properties": {
            "roleDefinitionId": role_definition_id(assignment.role, role_seen_from),
            "principalId": assignment.principal.to_string(),
            "principalType": assignment.principal_kind.as_str(),
            "scope": at.as_str(),
            "condition": assignment.condition,
            "conditionVersion": assignment.condition_version,
            "createdOn": arm_format(assignment.created_on),
            "updatedOn": arm_format(assignment.updated_on),
            "createdBy": assignment.created_by.map(|id| id.to_string()),
            "updatedBy": assignment.updated_by.map(|id| id.to_string()),
            "delegatedManagedIdentityResourceId": null,
            "description": assignment.description,
        },
    })
}

/// `atScope()`, `principalId eq '..'`, `assignedTo('..')`, joined by `and`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AssignmentFilter {
    /// None below the scope.
    pub(super) at_scope: bool,
    /// Only of this principal.
    pub(super) principal: Option<ObjectId>,
    /// Only with this role.
    pub(super) role: Option<RoleDefinitionId>,
}

impl AssignmentFilter {
    pub(super) fn parse(text: Option<&str>) -> Result<AssignmentFilter, ResourceError> {
        let mut read = AssignmentFilter::default();
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(read) };
        let filter = gatepost_odata::parse(text).map_err(|_| invalid(text))?;
        let guid = |id: &str| id.parse().map_err(|_| invalid(text));
        for part in filter.conjuncts() {
            let principal = match (part, part.text_equality()) {
                (_, Some((path, id))) if path.is(&["principalId"]) => Some(guid(id)?),
                (_, Some((path, id))) if path.is(&["roleDefinitionId"]) => {
                    read.role = Some(role_of(id).map_err(|_| invalid(text))?);
                    None
                }
                (Filter::Call(call), _) if call.is("atScope") && call.arguments.is_empty() => {
                    read.at_scope = true;
                    None
                }
                (Filter::Call(call), _) if call.is("assignedTo") => {
                    Some(guid(call.text_argument().ok_or_else(|| invalid(text))?)?)
                }
                _ => return Err(invalid(text)),
            };
            if principal.is_some() {
                if read.principal.is_some() {
                    return Err(invalid(text));
                }
                read.principal = principal;
            }
        }
        Ok(read)
    }

    pub(super) fn matches(&self, assignment: &RoleAssignment) -> bool {
        self.principal.is_none_or(|id| id == assignment.principal)
            && self.role.is_none_or(|id| id == assignment.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";

    #[test]
    fn a_role_is_named_by_any_id_of_it() {
        let wanted: RoleDefinitionId = ROLE.parse().unwrap();
        for text in [
            ROLE.to_owned(),
            format!("/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"),
            format!("/subscriptions/x/providers/microsoft.authorization/ROLEDEFINITIONS/{ROLE}"),
        ] {
            assert_eq!(role_of(&text).unwrap(), wanted, "{text}");
        }
        for wrong in ["", "Reader", "/providers/Microsoft.Authorization/roleDefinitions/", "/x/acdd72a7"] {
            assert!(role_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn filters_of_the_clients_are_read() {
        let principal = "6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
        let id = Some(principal.parse().unwrap());
        let parse = |text: &str| AssignmentFilter::parse(Some(text));
        assert_eq!(parse("").unwrap(), AssignmentFilter::default());
        assert_eq!(parse("atScope()").unwrap(), AssignmentFilter { at_scope: true, ..Default::default() });
        assert_eq!(
            parse(&format!("atScope() and assignedTo('{principal}')")).unwrap(),
            AssignmentFilter { at_scope: true, principal: id, role: None }
        );
        assert_eq!(parse(&format!("principalId eq '{principal}'")).unwrap().principal, id);
        for wrong in ["x", "principalId eq 'x'", "assignedTo()", "atScope() or atScope()", "name eq 'x'"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_body_is_checked() {
        let good =
            json!({"roleDefinitionId": ROLE, "principalId": ROLE, "principalType": "serviceprincipal"});
        let wanted = Wanted::read(&json!({ "properties": good })).unwrap();
        assert_eq!(wanted.kind, Some(PrincipalKind::ServicePrincipal));
        for (name, value) in [
            ("roleDefinitionId", json!(null)),
            ("roleDefinitionId", json!(1)),
            ("principalId", json!("x")),
            ("principalType", json!("Robot")),
            ("description", json!("x".repeat(2049))),
            ("condition", json!(["x"])),
            ("condition", json!("@Resource[x] StringEquals 'y'")),
        ] {
            let mut wrong = good.clone();
            wrong[name] = value;
            assert!(Wanted::read(&json!({ "properties": wrong })).is_err(), "{wrong}");
        }
        let mut empty = good.clone();
        empty["condition"] = json!("");
        assert!(Wanted::read(&json!({ "properties": empty })).is_ok());
        assert!(Wanted::read(&json!("x")).is_err());
    }
}
