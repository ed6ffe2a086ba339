//! The smallest changes after which a refused action would be allowed.

use gatepost_access::{About, DenialCause, PermissionBlock};
use gatepost_names::PrincipalKind;
use gatepost_rbac::explain::{Explanation, Verdict};
use gatepost_rbac::{CompiledRole, Decision, Plane, RoleDefinition};
use serde_json::{Value, json};

use super::explained::assignment_id;
use super::people::Person;
use super::roles::custom_role;
use crate::Resources;
use crate::authorization::role_definition_id;

/// Most built-in and most custom roles that are suggested.
const MOST_ROLES: usize = 3;

impl Resources {
    /// What would allow it; nothing where it is allowed already and no lock is in the way.
    pub(super) fn remedies(
        &self,
        about: &About<'_>,
        explained: &Explanation<'_>,
        person: &Person,
    ) -> Vec<Value> {
        if matches!(explained.decision, Decision::Allowed(_)) {
            return explained.locks.iter().map(|lock| unlock(&lock.name, lock.scope.as_str())).collect();
        }
        if let Some(DenialCause::DenyAssignment { id, name, scope, .. }) = &explained.cause {
            let base = scope.as_str().trim_end_matches('/');
            let url = format!("{base}/providers/Microsoft.Authorization/denyAssignments/{id}");
            return vec![json!({
                "kind": "denyAssignment",
                "id": url,
                "text": format!("Exclude the principal from the deny assignment '{name}', or delete it."),
                "command": format!("az rest --method delete --url {}", quoted(&format!("{url}?api-version=2024-07-01-preview"))),
            })];
        }
        let mut found = mended(explained);
        found.extend(self.grants(about, person));
        found
    }

    /// Roles that grant it, the smallest first, and a custom role with nothing else.
    fn grants(&self, about: &About<'_>, person: &Person) -> Vec<Value> {
        let above = self.platform().access.ancestors_of(about.tenant, about.scope);
        let built_in = self.catalogue().breadth().smallest(about.action, about.plane, &above, MOST_ROLES);
        let mut found: Vec<(&RoleDefinition, usize)> = built_in;
        let custom = self.platform().access.custom_roles(about.tenant);
        let granting = custom.iter().map(|role| &role.definition).filter(|role| {
            let assignable = role.assignable_scopes.iter().any(|scope| above.contains(scope));
            assignable && CompiledRole::new(role).grants(about.action, about.plane)
        });
        let mut granting: Vec<_> = granting.map(|role| (role, self.catalogue().breadth_of(role))).collect();
        granting.sort_by_key(|(role, grants)| (*grants, role.name.to_lowercase()));
        found.extend(granting.into_iter().take(MOST_ROLES));
        found.sort_by_key(|(_, grants)| *grants);
        let assign = |(role, grants): (&RoleDefinition, usize)| {
            json!({
                "kind": "roleAssignment",
                "roleDefinitionId": role_definition_id(role.id, about.scope),
                "roleName": role.name,
                "scope": about.scope.as_str(),
                "grants": grants,
                "command": assign_command(about, person, &role.name),
            })
        };
        let mut remedies: Vec<Value> = found.into_iter().map(assign).collect();
        let block = only(about.action, about.plane);
        let definition = custom_role(&block, about.scope);
        remedies.push(json!({
            "kind": "customRole",
            "text": "a custom role that grants this and nothing else, to be assigned then",
            "permissions": [block],
            "scope": about.scope.as_str(),
            "command": format!("az role definition create --role-definition {}", quoted(&definition.to_string())),
        }));
        remedies
    }
}

/// What would do with an assignment that nearly grants it.
fn mended(explained: &Explanation<'_>) -> Vec<Value> {
    let near = explained.assignments.iter().filter_map(|looked| {
        let (kind, text) = match looked.verdict {
            Verdict::ConditionFalse | Verdict::Depends => {
                ("condition", "Ask so that the condition is met, or change the condition.")
            }
            Verdict::NotYet(_) => ("times", "Wait until the assignment begins, or let it begin earlier."),
            Verdict::NoLonger(_) => ("times", "Let the assignment end later."),
            _ => return None,
        };
        Some(json!({ "kind": kind, "id": assignment_id(&looked.held), "text": text }))
    });
    near.take(MOST_ROLES).collect()
}

fn unlock(name: &str, scope: &str) -> Value {
    let id = format!("{}/providers/Microsoft.Authorization/locks/{name}", scope.trim_end_matches('/'));
    json!({
        "kind": "lock",
        "text": format!("It is allowed, but the lock '{name}' is in the way: delete the lock."),
        "command": format!("az lock delete --ids {}", quoted(&id)),
        "id": id,
    })
}

fn assign_command(about: &About<'_>, person: &Person, role: &str) -> String {
    let kind = person.kind.map(PrincipalKind::as_str);
    let kind = kind.map_or_else(String::new, |kind| format!(" --assignee-principal-type {kind}"));
    format!(
        "az role assignment create --assignee-object-id {}{kind} --role {} --scope {}",
        about.principal,
        quoted(role),
        quoted(about.scope.as_str())
    )
}

/// One word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn only(action: &str, plane: Plane) -> PermissionBlock {
    let list = vec![action.to_owned()];
    match plane {
        Plane::Control => PermissionBlock { actions: list, ..PermissionBlock::default() },
        Plane::Data => PermissionBlock { data_actions: list, ..PermissionBlock::default() },
    }
}
