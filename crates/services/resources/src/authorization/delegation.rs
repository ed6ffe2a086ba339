//! What a condition may ask of a role assignment that is made or deleted: a delegate may be held to some roles,
//! some principals, some types of them (reference rbac.md section 9).

use gatepost_names::{ObjectId, PrincipalKind, RoleDefinitionId};
use gatepost_rbac::condition::{
    Attribute, Attributes, PRINCIPAL_ID, PRINCIPAL_TYPE, ROLE_DEFINITION_ID, Source, Value,
};

/// An assignment as conditions see it: `@Request[..]` of one that is written, `@Resource[..]` of one that is
/// deleted.
pub(super) struct Delegated {
    source: Source,
    role: RoleDefinitionId,
    principal: ObjectId,
    /// `None` where there is no such principal: no condition on its type holds.
    kind: Option<PrincipalKind>,
}

impl Delegated {
    pub(super) fn written(
        role: RoleDefinitionId,
        principal: ObjectId,
        kind: Option<PrincipalKind>,
    ) -> Delegated {
        Delegated { source: Source::Request, role, principal, kind }
    }

    pub(super) fn deleted(role: RoleDefinitionId, principal: ObjectId, kind: PrincipalKind) -> Delegated {
        Delegated { source: Source::Resource, role, principal, kind: Some(kind) }
    }
}

impl Attributes for Delegated {
    fn get(&self, source: Source, name: &str) -> Attribute<'_> {
        if source != self.source {
            return Attribute::Absent;
        }
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        if is(ROLE_DEFINITION_ID) {
            Attribute::Known(Value::Guid(self.role.0))
        } else if is(PRINCIPAL_ID) {
            Attribute::Known(Value::Guid(self.principal.0))
        } else if is(PRINCIPAL_TYPE) {
            self.kind.map_or(Attribute::Absent, |kind| Attribute::Known(Value::Text(kind.as_str())))
        } else {
            Attribute::Absent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_write_shows_request_attributes_and_a_delete_resource_attributes() {
        let (role, principal) = (RoleDefinitionId(Uuid::from_u128(1)), ObjectId(Uuid::from_u128(2)));
        let written = Delegated::written(role, principal, Some(PrincipalKind::Group));
        let deleted = Delegated::deleted(role, principal, PrincipalKind::User);
        let name = ROLE_DEFINITION_ID.to_uppercase();
        assert_eq!(written.get(Source::Request, &name), Attribute::Known(Value::Guid(role.0)));
        assert_eq!(written.get(Source::Resource, &name), Attribute::Absent);
        assert_eq!(deleted.get(Source::Resource, PRINCIPAL_ID), Attribute::Known(Value::Guid(principal.0)));
        assert_eq!(deleted.get(Source::Request, PRINCIPAL_ID), Attribute::Absent);
        assert_eq!(written.get(Source::Request, PRINCIPAL_TYPE), Attribute::Known(Value::Text("Group")));
        assert_eq!(written.get(Source::Request, "UtcNow"), Attribute::Absent);
        let nobody = Delegated::written(role, principal, None);
        assert_eq!(nobody.get(Source::Request, PRINCIPAL_TYPE), Attribute::Absent);
    }
}
