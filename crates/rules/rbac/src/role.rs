//! Role definitions as they are written and stored.

use gatepost_names::{RoleDefinitionId, Scope};
use serde::{Deserialize, Deserializer, Serialize};

/// The two planes of operations. `*` on one never reaches the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plane {
    /// Managing resources: `actions` and `notActions`.
    Control,
    /// Using what is in them: `dataActions` and `notDataActions`.
    Data,
}

impl Plane {
    /// The other one.
    pub fn other(self) -> Plane {
        match self {
            Plane::Control => Plane::Data,
            Plane::Data => Plane::Control,
        }
    }
}

/// One block of permissions: on each plane it grants what its actions match and its not-actions do not.
/// Not-actions subtract inside their own block only; another block or role may grant the same action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PermissionBlock {
    /// What it grants on the control plane.
    #[serde(deserialize_with = "list_or_null")]
    pub actions: Vec<String>,
    /// What it takes away again from `actions`.
    #[serde(deserialize_with = "list_or_null")]
    pub not_actions: Vec<String>,
    /// What it grants on the data plane.
    #[serde(deserialize_with = "list_or_null")]
    pub data_actions: Vec<String>,
    /// What it takes away again from `data_actions`.
    #[serde(deserialize_with = "list_or_null")]
    pub not_data_actions: Vec<String>,
    /// The condition under which it grants; a block that has one grants nothing as yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The version of the condition's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition_version: Option<String>,
}

/// Clients send `null` for a list that they do not set.
fn list_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl PermissionBlock {
    /// The patterns of one plane: those that grant, and those that take away.
    pub fn on(&self, plane: Plane) -> (&[String], &[String]) {
        match plane {
            Plane::Control => (&self.actions, &self.not_actions),
            Plane::Data => (&self.data_actions, &self.not_data_actions),
        }
    }
}

/// A role: a named union of permission blocks, and the scopes at which it may be assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleDefinition {
    /// Its GUID, in Azure the same everywhere for a built-in role.
    pub id: RoleDefinitionId,
    /// `roleName`.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Whether it comes with the product rather than from a tenant.
    pub built_in: bool,
    /// Its blocks; it grants what any of them grants.
    pub permissions: Vec<PermissionBlock>,
    /// Where it may be assigned: at these scopes and below them.
    pub assignable_scopes: Vec<Scope>,
}

impl RoleDefinition {
    /// Whether it may be assigned at `scope`: some assignable scope is this scope or above it.
    pub fn is_assignable_at(&self, scope: &Scope) -> bool {
        self.assignable_scopes.iter().any(|assignable| assignable.contains(scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_as_it_is_on_the_wire() {
        let text = r#"{"actions":["*/read"],"notActions":null,"dataActions":[]}"#;
        let block: PermissionBlock = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::to_string(&block).unwrap(),
            r#"{"actions":["*/read"],"notActions":[],"dataActions":[],"notDataActions":[]}"#
        );
    }

    #[test]
    fn a_role_is_assignable_at_its_scopes_and_below() {
        let sub = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
        let at = |rest: &str| Scope::parse(&format!("{sub}{rest}")).unwrap();
        let role = RoleDefinition {
            id: RoleDefinitionId(uuid::Uuid::from_u128(1)),
            name: "r".to_owned(),
            description: String::new(),
            built_in: false,
            permissions: Vec::new(),
            assignable_scopes: vec![at("/resourceGroups/rg1")],
        };
        assert!(role.is_assignable_at(&at("/resourcegroups/RG1/providers/A.B/c/d")));
        assert!(!role.is_assignable_at(&at("/resourceGroups/rg10")));
        assert!(!role.is_assignable_at(&at("")));
    }
}
