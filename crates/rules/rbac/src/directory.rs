//! Roles of the directory itself: who may read and change applications, users and groups. A system apart from
//! Azure RBAC: none of these roles gives a right over resources (reference rbac.md section 11).

use std::fmt;

use gatepost_names::PrincipalKind;
use uuid::Uuid;

/// Everything in the directory, and may make itself User Access Administrator of all resources.
pub const GLOBAL_ADMINISTRATOR: Uuid = Uuid::from_u128(0x62e90394_69f5_4237_9190_012177145e10);
/// Directory roles, and consent to any permission.
pub const PRIVILEGED_ROLE_ADMINISTRATOR: Uuid = Uuid::from_u128(0xe8611ab8_c189_46e8_94e1_60213ab1f814);
/// Applications and service principals.
pub const APPLICATION_ADMINISTRATOR: Uuid = Uuid::from_u128(0x9b895d92_2cd3_44c7_9d02_a6ac2d5ea5c3);
/// Applications and service principals, without the application proxy.
pub const CLOUD_APPLICATION_ADMINISTRATOR: Uuid = Uuid::from_u128(0x158c047a_c907_4556_b7ef_446551a6b5f7);
/// Users and groups.
pub const USER_ADMINISTRATOR: Uuid = Uuid::from_u128(0xfe930be7_5e62_47db_91af_98c3a49a38b1);
/// Groups.
pub const GROUPS_ADMINISTRATOR: Uuid = Uuid::from_u128(0xfdd7a751_b60b_444a_984c_02652fe8fa1c);
/// Reads the directory.
pub const DIRECTORY_READERS: Uuid = Uuid::from_u128(0x88d8e3e3_8f55_4a1e_953a_9b9898b8876b);
/// Reads whatever a Global Administrator can read.
pub const GLOBAL_READER: Uuid = Uuid::from_u128(0xf2ef992c_3afb_46b9_b7cf_a126ee74c451);
/// Registers applications of its own.
pub const APPLICATION_DEVELOPER: Uuid = Uuid::from_u128(0xcf1c38e5_3621_4004_a7cb_879624dced7c);

/// Template id and display name of each directory role that this server knows.
pub const ROLES: &[(Uuid, &str)] = &[
    (GLOBAL_ADMINISTRATOR, "Global Administrator"),
    (PRIVILEGED_ROLE_ADMINISTRATOR, "Privileged Role Administrator"),
    (APPLICATION_ADMINISTRATOR, "Application Administrator"),
    (CLOUD_APPLICATION_ADMINISTRATOR, "Cloud Application Administrator"),
    (USER_ADMINISTRATOR, "User Administrator"),
    (GROUPS_ADMINISTRATOR, "Groups Administrator"),
    (DIRECTORY_READERS, "Directory Readers"),
    (GLOBAL_READER, "Global Reader"),
    (APPLICATION_DEVELOPER, "Application Developer"),
];

/// The display name of a directory role.
pub fn name(template: Uuid) -> Option<&'static str> {
    ROLES.iter().find(|(id, _)| *id == template).map(|(_, name)| *name)
}

/// What can be asked of the directory. What concerns the caller's own objects (its own service principal and
/// application, what it owns) is for the directory to add: these are the rights over everybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DirectoryAction {
    /// See applications.
    ReadApplications,
    /// Register an application.
    CreateApplications,
    /// Change and delete applications and their credentials.
    ManageApplications,
    /// See service principals.
    ReadServicePrincipals,
    /// Make, change and delete service principals and their credentials.
    ManageServicePrincipals,
    /// See who has which app role.
    ReadAppRoleAssignments,
    /// Give and take app roles.
    ManageAppRoleAssignments,
    /// See users.
    ReadUsers,
    /// Make, change and delete users.
    ManageUsers,
    /// See groups and their members.
    ReadGroups,
    /// Make, change and delete groups and their members.
    ManageGroups,
    /// See who has which directory role.
    ReadDirectoryRoles,
    /// Give and take directory roles.
    ManageDirectoryRoles,
    /// See the tenant itself and its domains.
    ReadOrganization,
    /// Become User Access Administrator at `/`.
    ElevateAccess,
}

impl DirectoryAction {
    /// Whether it only looks.
    pub fn is_read(self) -> bool {
        use DirectoryAction::*;
        matches!(
            self,
            ReadApplications
                | ReadServicePrincipals
                | ReadAppRoleAssignments
                | ReadUsers
                | ReadGroups
                | ReadDirectoryRoles
                | ReadOrganization
        )
    }

    /// The roles that allow it, beside Global Administrator, which allows everything.
    fn roles(self) -> &'static [Uuid] {
        use DirectoryAction::*;
        match self {
            CreateApplications => {
                &[APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, APPLICATION_DEVELOPER]
            }
            ManageApplications | ManageServicePrincipals => {
                &[APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR]
            }
            ManageAppRoleAssignments => &[
                PRIVILEGED_ROLE_ADMINISTRATOR,
                APPLICATION_ADMINISTRATOR,
                CLOUD_APPLICATION_ADMINISTRATOR,
                USER_ADMINISTRATOR,
            ],
            ManageUsers => &[USER_ADMINISTRATOR],
            ManageGroups => &[USER_ADMINISTRATOR, GROUPS_ADMINISTRATOR],
            ManageDirectoryRoles => &[PRIVILEGED_ROLE_ADMINISTRATOR],
            ElevateAccess => &[],
            ReadApplications
            | ReadServicePrincipals
            | ReadAppRoleAssignments
            | ReadUsers
            | ReadGroups
            | ReadDirectoryRoles
            | ReadOrganization => &[
                PRIVILEGED_ROLE_ADMINISTRATOR,
                APPLICATION_ADMINISTRATOR,
                CLOUD_APPLICATION_ADMINISTRATOR,
                USER_ADMINISTRATOR,
                GROUPS_ADMINISTRATOR,
                DIRECTORY_READERS,
                GLOBAL_READER,
                APPLICATION_DEVELOPER,
            ],
        }
    }
}

impl fmt::Display for DirectoryAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use DirectoryAction::*;
        f.write_str(match self {
            ReadApplications => "read applications",
            CreateApplications => "register applications",
            ManageApplications => "manage applications",
            ReadServicePrincipals => "read service principals",
            ManageServicePrincipals => "manage service principals",
            ReadAppRoleAssignments => "read app role assignments",
            ManageAppRoleAssignments => "manage app role assignments",
            ReadUsers => "read users",
            ManageUsers => "manage users",
            ReadGroups => "read groups",
            ManageGroups => "manage groups",
            ReadDirectoryRoles => "read directory role assignments",
            ManageDirectoryRoles => "manage directory role assignments",
            ReadOrganization => "read the organization",
            ElevateAccess => "elevate access",
        })
    }
}

/// Whether a principal with these directory roles may do it. A user may read the directory as every member of
/// a tenant can; a service principal without a role may read nothing but itself.
pub fn allows(action: DirectoryAction, kind: PrincipalKind, roles: &[Uuid]) -> bool {
    (kind == PrincipalKind::User && action.is_read())
        || roles.iter().any(|role| *role == GLOBAL_ADMINISTRATOR || action.roles().contains(role))
}

/// The names of the roles that would allow it, the least powerful last.
pub fn roles_allowing(action: DirectoryAction) -> impl Iterator<Item = &'static str> {
    std::iter::once(GLOBAL_ADMINISTRATOR).chain(action.roles().iter().copied()).filter_map(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use DirectoryAction::*;
    use PrincipalKind::{ServicePrincipal, User};

    #[test]
    fn who_may_do_what() {
        for (action, kind, roles, expected) in [
            (ManageApplications, ServicePrincipal, &[GLOBAL_ADMINISTRATOR][..], true),
            (ElevateAccess, User, &[GLOBAL_ADMINISTRATOR], true),
            (ElevateAccess, User, &[PRIVILEGED_ROLE_ADMINISTRATOR], false),
            (ManageApplications, User, &[CLOUD_APPLICATION_ADMINISTRATOR], true),
            (ManageApplications, User, &[APPLICATION_DEVELOPER], false),
            (CreateApplications, User, &[APPLICATION_DEVELOPER], true),
            (CreateApplications, User, &[], false),
            (ManageGroups, User, &[CLOUD_APPLICATION_ADMINISTRATOR], false),
            (ManageUsers, User, &[PRIVILEGED_ROLE_ADMINISTRATOR], false),
            (ManageUsers, User, &[GLOBAL_READER], false),
            (ReadUsers, ServicePrincipal, &[GLOBAL_READER], true),
            (ReadUsers, User, &[], true),
            (ReadApplications, ServicePrincipal, &[], false),
            (ReadApplications, ServicePrincipal, &[Uuid::nil()], false),
        ] {
            assert_eq!(allows(action, kind, roles), expected, "{action} with {roles:?}");
        }
    }

    #[test]
    fn a_refusal_can_name_what_would_help() {
        assert_eq!(
            roles_allowing(ManageUsers).collect::<Vec<_>>(),
            ["Global Administrator", "User Administrator"]
        );
    }
}
