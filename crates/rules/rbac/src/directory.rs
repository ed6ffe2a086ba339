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

/// What can be asked of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DirectoryAction {
    /// See applications.
    ReadApplications,
    /// Register an application.
    CreateApplications,
    /// Change and delete applications, their credentials and owners.
    ManageApplications,
    /// See service principals.
    ReadServicePrincipals,
    /// Make the service principal of an application; [`Target::owned`] is about the application.
    CreateServicePrincipals,
    /// Change and delete service principals, their credentials and owners.
    ManageServicePrincipals,
    /// See who has which app role.
    ReadAppRoleAssignments,
    /// Give and take app roles; [`Target::owned`] is about the resource, and an application permission of
    /// Microsoft Graph is [`Target::privileged`].
    ManageAppRoleAssignments,
    /// See which delegated permissions applications have.
    ReadPermissionGrants,
    /// Give and take delegated permissions.
    ManagePermissionGrants,
    /// See users.
    ReadUsers,
    /// Make users, and change what does not matter to signing in.
    ManageUsers,
    /// Delete, restore, disable and rename users, and set their passwords. An administrator is
    /// [`Target::privileged`].
    SecureUsers,
    /// See groups and their members.
    ReadGroups,
    /// Make a group; one that directory roles can be assigned to is [`Target::privileged`].
    CreateGroups,
    /// Change and delete groups, their members and owners.
    ManageGroups,
    /// See who has which directory role.
    ReadDirectoryRoles,
    /// Give and take directory roles.
    ManageDirectoryRoles,
    /// See the tenant itself and its domains.
    ReadOrganization,
    /// Change what every member of the tenant may do.
    ManagePolicies,
    /// See what was deleted and can be restored.
    ReadDeletedItems,
    /// See who signed in.
    ReadSignIns,
    /// Become User Access Administrator at `/`.
    ElevateAccess,
}

/// What a decision needs to know of the object that it is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// It is the caller itself, or the registration of the application that the caller is.
    pub own: bool,
    /// The caller is one of its owners.
    pub owned: bool,
    /// Whoever has power over it has the power of a directory role.
    pub privileged: bool,
    /// The tenant lets each of its users do this.
    pub members_may: bool,
}

impl DirectoryAction {
    /// Whether it only looks at what every member of a tenant may see.
    pub fn is_read(self) -> bool {
        use DirectoryAction::*;
        matches!(
            self,
            ReadApplications
                | ReadServicePrincipals
                | ReadAppRoleAssignments
                | ReadPermissionGrants
                | ReadUsers
                | ReadGroups
                | ReadDirectoryRoles
                | ReadOrganization
        )
    }

    /// The roles that allow it on an object that is not privileged, beside Global Administrator, which allows
    /// everything.
    fn roles(self) -> &'static [Uuid] {
        use DirectoryAction::*;
        match self {
            CreateApplications => {
                &[APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, APPLICATION_DEVELOPER]
            }
            ManageApplications | CreateServicePrincipals | ManageServicePrincipals => {
                &[APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR]
            }
            ManageAppRoleAssignments | ManagePermissionGrants => &[
                PRIVILEGED_ROLE_ADMINISTRATOR,
                APPLICATION_ADMINISTRATOR,
                CLOUD_APPLICATION_ADMINISTRATOR,
                USER_ADMINISTRATOR,
            ],
            ManageUsers | SecureUsers => &[USER_ADMINISTRATOR],
            CreateGroups | ManageGroups => &[USER_ADMINISTRATOR, GROUPS_ADMINISTRATOR],
            ManageDirectoryRoles | ManagePolicies => &[PRIVILEGED_ROLE_ADMINISTRATOR],
            ElevateAccess => &[],
            ReadDeletedItems => &[
                APPLICATION_ADMINISTRATOR,
                CLOUD_APPLICATION_ADMINISTRATOR,
                USER_ADMINISTRATOR,
                GROUPS_ADMINISTRATOR,
                GLOBAL_READER,
            ],
            ReadSignIns => &[GLOBAL_READER],
            ReadApplications
            | ReadServicePrincipals
            | ReadAppRoleAssignments
            | ReadPermissionGrants
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

    /// The roles that allow it on a privileged object, beside Global Administrator.
    fn privileged_roles(self) -> &'static [Uuid] {
        use DirectoryAction::*;
        match self {
            CreateGroups | ManageGroups | ManageAppRoleAssignments => &[PRIVILEGED_ROLE_ADMINISTRATOR],
            SecureUsers => &[],
            // What does not depend on the object's power.
            other => other.roles(),
        }
    }

    /// Whether an object's owner may do it. Nobody owns a user.
    fn is_for_owners(self, privileged: bool) -> bool {
        use DirectoryAction::*;
        match self {
            ReadApplications
            | ReadServicePrincipals
            | ReadAppRoleAssignments
            | ReadPermissionGrants
            | ReadGroups => true,
            ManageApplications | CreateServicePrincipals | ManageServicePrincipals | ManageGroups => true,
            ManageAppRoleAssignments => !privileged,
            _ => false,
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
            CreateServicePrincipals => "create service principals",
            ManageServicePrincipals => "manage service principals",
            ReadAppRoleAssignments => "read app role assignments",
            ManageAppRoleAssignments => "manage app role assignments",
            ReadPermissionGrants => "read permission grants",
            ManagePermissionGrants => "manage permission grants",
            ReadUsers => "read users",
            ManageUsers => "manage users",
            SecureUsers => "delete, disable or rename users or set their passwords",
            ReadGroups => "read groups",
            CreateGroups => "create groups",
            ManageGroups => "manage groups",
            ReadDirectoryRoles => "read directory role assignments",
            ManageDirectoryRoles => "manage directory role assignments",
            ReadOrganization => "read the organization",
            ManagePolicies => "manage policies",
            ReadDeletedItems => "read deleted items",
            ReadSignIns => "read sign-in logs",
            ElevateAccess => "elevate access",
        })
    }
}

/// What a directory role allows, in the words of Microsoft Entra's role definitions.
pub fn resource_actions(role: Uuid) -> Vec<&'static str> {
    use DirectoryAction::*;
    if role == GLOBAL_ADMINISTRATOR {
        return vec![
            "microsoft.directory/*/allProperties/allTasks",
            "Microsoft.Authorization/elevateAccess/action",
        ];
    }
    let actions = [
        (ReadApplications, "microsoft.directory/applications/standard/read"),
        (ReadServicePrincipals, "microsoft.directory/servicePrincipals/standard/read"),
        (ReadAppRoleAssignments, "microsoft.directory/servicePrincipals/appRoleAssignedTo/read"),
        (ReadPermissionGrants, "microsoft.directory/oAuth2PermissionGrants/standard/read"),
        (ReadUsers, "microsoft.directory/users/standard/read"),
        (ReadGroups, "microsoft.directory/groups/standard/read"),
        (ReadDirectoryRoles, "microsoft.directory/roleAssignments/standard/read"),
        (ReadOrganization, "microsoft.directory/organization/standard/read"),
        (ReadDeletedItems, "microsoft.directory/deletedItems/standard/read"),
        (ReadSignIns, "microsoft.directory/signInReports/allProperties/read"),
        (ManageApplications, "microsoft.directory/applications/allProperties/allTasks"),
        (ManageServicePrincipals, "microsoft.directory/servicePrincipals/allProperties/allTasks"),
        (ManageAppRoleAssignments, "microsoft.directory/servicePrincipals/appRoleAssignedTo/update"),
        (ManagePermissionGrants, "microsoft.directory/oAuth2PermissionGrants/allProperties/allTasks"),
        (ManageUsers, "microsoft.directory/users/allProperties/allTasks"),
        (ManageGroups, "microsoft.directory/groups/allProperties/allTasks"),
        (ManageDirectoryRoles, "microsoft.directory/roleAssignments/allProperties/allTasks"),
    ];
    let mut allowed: Vec<&'static str> =
        actions.iter().filter(|(action, _)| action.roles().contains(&role)).map(|(_, name)| *name).collect();
    if role == APPLICATION_DEVELOPER {
        allowed.push("microsoft.directory/applications/createAsOwner");
        allowed.push("microsoft.directory/servicePrincipals/createAsOwner");
    }
    if role == PRIVILEGED_ROLE_ADMINISTRATOR {
        allowed.push("microsoft.directory/groupsAssignableToRoles/allProperties/allTasks");
    }
    allowed
}

/// Whether a principal with these directory roles may do it to this object. A user may read the directory as
/// every member of a tenant can; a service principal without a role may read nothing but itself and what it
/// owns.
pub fn allows(action: DirectoryAction, kind: PrincipalKind, roles: &[Uuid], target: &Target) -> bool {
    use DirectoryAction::*;
    let is_user = kind == PrincipalKind::User;
    let allowing = if target.privileged { action.privileged_roles() } else { action.roles() };
    (is_user && action.is_read())
        || (target.own && action.is_read())
        || (target.owned && action.is_for_owners(target.privileged))
        || (is_user
            && target.members_may
            && !target.privileged
            && matches!(action, CreateApplications | CreateGroups))
        || roles.iter().any(|role| *role == GLOBAL_ADMINISTRATOR || allowing.contains(role))
}

/// Whether somebody with these directory roles becomes the owner of the application or service principal that
/// it makes: the two roles that manage all applications do not.
pub fn owns_what_it_makes(kind: PrincipalKind, roles: &[Uuid]) -> bool {
    let manages_all = |role: &Uuid| {
        [GLOBAL_ADMINISTRATOR, APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR].contains(role)
    };
    let administers =
        |role: &Uuid| [APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR].contains(role);
    match kind {
        PrincipalKind::User => !roles.iter().any(administers),
        _ => !roles.iter().any(manages_all),
    }
}

/// Whether a user with these directory roles is one whose password only a Global Administrator sets. Directory
/// Readers, Groups Administrators and User Administrators are for a User Administrator too.
pub fn is_privileged(roles: &[Uuid]) -> bool {
    roles.iter().any(|role| ![DIRECTORY_READERS, GROUPS_ADMINISTRATOR, USER_ADMINISTRATOR].contains(role))
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

    const PLAIN: Target = Target { own: false, owned: false, privileged: false, members_may: false };
    const PRIVILEGED: Target = Target { privileged: true, ..PLAIN };
    const OWNED: Target = Target { owned: true, ..PLAIN };
    const OWN: Target = Target { own: true, ..PLAIN };
    const OPEN: Target = Target { members_may: true, ..PLAIN };

    #[test]
    fn who_may_do_what() {
        for (action, kind, roles, target, expected) in [
            (ManageApplications, ServicePrincipal, &[GLOBAL_ADMINISTRATOR][..], PLAIN, true),
            (ElevateAccess, User, &[GLOBAL_ADMINISTRATOR], PLAIN, true),
            (ElevateAccess, User, &[PRIVILEGED_ROLE_ADMINISTRATOR], PLAIN, false),
            (ManageApplications, User, &[CLOUD_APPLICATION_ADMINISTRATOR], PLAIN, true),
            (ManageApplications, User, &[APPLICATION_DEVELOPER], PLAIN, false),
            (ManageApplications, User, &[], OWNED, true),
            (ManageApplications, ServicePrincipal, &[], OWNED, true),
            (ManageApplications, ServicePrincipal, &[], OWN, false),
            (CreateApplications, User, &[APPLICATION_DEVELOPER], PLAIN, true),
            (CreateApplications, User, &[], PLAIN, false),
            (CreateApplications, User, &[], OPEN, true),
            (CreateApplications, ServicePrincipal, &[], OPEN, false),
            (ManageGroups, User, &[CLOUD_APPLICATION_ADMINISTRATOR], PLAIN, false),
            (ManageGroups, User, &[GROUPS_ADMINISTRATOR], PLAIN, true),
            (ManageGroups, User, &[GROUPS_ADMINISTRATOR], PRIVILEGED, false),
            (ManageGroups, User, &[PRIVILEGED_ROLE_ADMINISTRATOR], PRIVILEGED, true),
            (ManageGroups, User, &[PRIVILEGED_ROLE_ADMINISTRATOR], PLAIN, false),
            (ManageGroups, User, &[], Target { owned: true, ..PRIVILEGED }, true),
            (CreateGroups, User, &[], Target { members_may: true, ..PRIVILEGED }, false),
            (ManageUsers, User, &[PRIVILEGED_ROLE_ADMINISTRATOR], PLAIN, false),
            (ManageUsers, User, &[GLOBAL_READER], PLAIN, false),
            (ManageUsers, User, &[USER_ADMINISTRATOR], PRIVILEGED, true),
            (SecureUsers, User, &[USER_ADMINISTRATOR], PLAIN, true),
            (SecureUsers, User, &[USER_ADMINISTRATOR], PRIVILEGED, false),
            (SecureUsers, User, &[GLOBAL_ADMINISTRATOR], PRIVILEGED, true),
            (ManageAppRoleAssignments, User, &[APPLICATION_ADMINISTRATOR], PRIVILEGED, false),
            (ManageAppRoleAssignments, User, &[PRIVILEGED_ROLE_ADMINISTRATOR], PRIVILEGED, true),
            (ManageAppRoleAssignments, User, &[], Target { owned: true, ..PRIVILEGED }, false),
            (ManageAppRoleAssignments, User, &[], OWNED, true),
            (ReadUsers, ServicePrincipal, &[GLOBAL_READER], PLAIN, true),
            (ReadUsers, User, &[], PLAIN, true),
            (ReadApplications, ServicePrincipal, &[], PLAIN, false),
            (ReadApplications, ServicePrincipal, &[], OWN, true),
            (ReadApplications, ServicePrincipal, &[Uuid::nil()], PLAIN, false),
            (ReadDeletedItems, User, &[], PLAIN, false),
            (ReadSignIns, User, &[DIRECTORY_READERS], PLAIN, false),
        ] {
            assert_eq!(
                allows(action, kind, roles, &target),
                expected,
                "{action} with {roles:?} on {target:?}"
            );
        }
    }

    #[test]
    fn a_refusal_can_name_what_would_help() {
        assert_eq!(
            roles_allowing(ManageUsers).collect::<Vec<_>>(),
            ["Global Administrator", "User Administrator"]
        );
    }

    #[test]
    fn administrators_of_all_applications_own_none() {
        assert!(owns_what_it_makes(User, &[]));
        assert!(owns_what_it_makes(User, &[GLOBAL_ADMINISTRATOR]));
        assert!(owns_what_it_makes(User, &[APPLICATION_DEVELOPER]));
        assert!(!owns_what_it_makes(User, &[CLOUD_APPLICATION_ADMINISTRATOR]));
        assert!(!owns_what_it_makes(ServicePrincipal, &[GLOBAL_ADMINISTRATOR]));
        assert!(owns_what_it_makes(ServicePrincipal, &[APPLICATION_DEVELOPER]));
    }
}
