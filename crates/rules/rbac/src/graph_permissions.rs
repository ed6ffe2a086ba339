//! Permissions of Microsoft Graph: what each allows an application to do with the directory, beside its directory
//! roles; and what each lets a client do on behalf of a user, of what the user may.

use uuid::Uuid;

use crate::directory::{DirectoryAction, Target};

/// An application permission.
#[derive(Debug)]
pub struct GraphPermission {
    /// The id of the app role that it is, the same everywhere.
    pub id: Uuid,
    /// Its value, which tokens tell.
    pub value: &'static str,
    /// What it allows.
    actions: &'static [DirectoryAction],
    /// Whether it reaches what has the power of a directory role.
    privileged: bool,
}

use DirectoryAction::*;

const READS: &[DirectoryAction] = &[
    ReadApplications,
    ReadServicePrincipals,
    ReadAppRoleAssignments,
    ReadPermissionGrants,
    ReadUsers,
    ReadGroups,
    ReadDirectoryRoles,
    ReadOrganization,
];

const fn permission(
    id: u128,
    value: &'static str,
    actions: &'static [DirectoryAction],
    privileged: bool,
) -> GraphPermission {
    GraphPermission { id: Uuid::from_u128(id), value, actions, privileged }
}

/// The application permissions that this server knows.
pub const GRAPH_PERMISSIONS: &[GraphPermission] = &[
    permission(
        0x9a5d68dd_52b0_4cc2_bd40_abcf44ac3a30,
        "Application.Read.All",
        &[ReadApplications, ReadServicePrincipals],
        false,
    ),
    permission(
        0x18a4783c_866b_4cc7_a460_3d5e5662c884,
        "Application.ReadWrite.OwnedBy",
        &[CreateApplications],
        false,
    ),
    permission(
        0x1bfefb4e_e0b5_418b_a88f_73c46d2cc8e9,
        "Application.ReadWrite.All",
        &[
            ReadApplications,
            ReadServicePrincipals,
            CreateApplications,
            ManageApplications,
            CreateServicePrincipals,
            ManageServicePrincipals,
        ],
        false,
    ),
    permission(
        0x06b708a9_e830_4db3_a914_8e69da51d44f,
        "AppRoleAssignment.ReadWrite.All",
        &[ReadAppRoleAssignments, ManageAppRoleAssignments],
        true,
    ),
    permission(0xb0afded3_3588_46d8_8b3d_9842eff778da, "AuditLog.Read.All", &[ReadSignIns], false),
    permission(
        0x8e8e4742_1d95_4f68_9d56_6ee75648c72a,
        "DelegatedPermissionGrant.ReadWrite.All",
        &[ReadPermissionGrants, ManagePermissionGrants],
        false,
    ),
    permission(0x7ab1d382_f21e_4acd_a863_ba3e13f7da61, "Directory.Read.All", READS, false),
    permission(0x5b567255_7703_4780_807c_7be8301ae99b, "Group.Read.All", &[ReadGroups], false),
    permission(
        0x62a82d76_70ea_41e2_9197_370581804d09,
        "Group.ReadWrite.All",
        &[ReadGroups, CreateGroups, ManageGroups],
        false,
    ),
    permission(0x498476ce_e0fe_48b0_b801_37ba7e2685c6, "Organization.Read.All", &[ReadOrganization], false),
    permission(
        0x483bed4a_2ad3_4361_a73b_c83ccdbdc53c,
        "RoleManagement.Read.Directory",
        &[ReadDirectoryRoles],
        false,
    ),
    permission(
        0x9e3f62cf_ca93_4989_b6ce_bf83c28f9fe8,
        "RoleManagement.ReadWrite.Directory",
        &[ReadDirectoryRoles, ManageDirectoryRoles],
        true,
    ),
    permission(0xdf021288_bdef_4463_88db_98f22de89214, "User.Read.All", &[ReadUsers], false),
    permission(
        0x741f803b_c850_494e_b5df_cde7c675a1ca,
        "User.ReadWrite.All",
        &[ReadUsers, ManageUsers, SecureUsers],
        false,
    ),
];

/// Whether an application with these permissions may do it to this object.
pub fn permits(action: DirectoryAction, permissions: &[String], target: &Target) -> bool {
    GRAPH_PERMISSIONS.iter().any(|known| {
        known.actions.contains(&action)
            && (known.privileged || !target.privileged || action.is_read() || action == ManageUsers)
            && permissions.iter().any(|held| held == known.value)
    })
}

/// The scope by which a client may do whatever its user may.
pub const ACCESS_AS_USER: &str = "Directory.AccessAsUser.All";

/// What `Directory.ReadWrite.All` lets a client do for a user, beside reading. Neither directory roles nor policies
/// nor permissions, nor who signs in.
const DIRECTORY_WRITES: &[DirectoryAction] = &[
    ReadDeletedItems,
    CreateApplications,
    ManageApplications,
    CreateServicePrincipals,
    ManageServicePrincipals,
    ManageAppRoleAssignments,
    ManageUsers,
    CreateGroups,
    ManageGroups,
];

/// Whether a client with these scopes may do it to this object for a user who may. What every member of a tenant
/// may see is not asked here: the edge knows which paths a scope lets a client read.
pub fn permits_delegated(action: DirectoryAction, scopes: &[String], target: &Target) -> bool {
    let has = |wanted: &str| scopes.iter().any(|held| held.eq_ignore_ascii_case(wanted));
    let reaches = |privileged: bool| privileged || !target.privileged || action == ManageUsers;
    action.is_read()
        || has(ACCESS_AS_USER)
        || (has("Directory.Read.All") && action == ReadDeletedItems)
        || (has("Directory.ReadWrite.All") && DIRECTORY_WRITES.contains(&action) && reaches(false))
        || GRAPH_PERMISSIONS
            .iter()
            .any(|known| known.actions.contains(&action) && reaches(known.privileged) && has(known.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_permissions_allow() {
        let held = |value: &str| vec![value.to_owned()];
        let (plain, privileged) = (Target::default(), Target { privileged: true, ..Target::default() });
        for (value, action, target, expected) in [
            ("User.Read.All", ReadUsers, plain, true),
            ("User.Read.All", ReadUsers, privileged, true),
            ("User.Read.All", ManageUsers, plain, false),
            ("User.ReadWrite.All", SecureUsers, plain, true),
            ("User.ReadWrite.All", SecureUsers, privileged, false),
            ("Group.ReadWrite.All", ManageGroups, privileged, false),
            ("AppRoleAssignment.ReadWrite.All", ManageAppRoleAssignments, privileged, true),
            ("Directory.Read.All", ReadSignIns, plain, false),
            ("user.read.all", ReadUsers, plain, false),
            ("Nope", ReadUsers, plain, false),
        ] {
            assert_eq!(permits(action, &held(value), &target), expected, "{value} {action}");
        }
    }

    #[test]
    fn delegated_scopes_look_at_the_target() {
        let (plain, privileged) = (Target::default(), Target { privileged: true, ..Target::default() });
        let all = "Directory.ReadWrite.All";
        for (scope, action, target, expected) in [
            ("User.Read", ReadUsers, plain, true),
            ("User.Read", ManageUsers, plain, false),
            (all, ManageUsers, privileged, true),
            (all, SecureUsers, plain, false),
            (all, ManageGroups, plain, true),
            (all, ManageGroups, privileged, false),
            (all, ManageAppRoleAssignments, plain, true),
            (all, ManageAppRoleAssignments, privileged, false),
            (all, ManageDirectoryRoles, plain, false),
            (all, ManagePolicies, plain, false),
            (all, ManagePermissionGrants, plain, false),
            (all, ElevateAccess, plain, false),
            ("Group.ReadWrite.All", ManageGroups, plain, true),
            ("Group.ReadWrite.All", ManageGroups, privileged, false),
            ("User.ReadWrite.All", SecureUsers, plain, true),
            ("User.ReadWrite.All", SecureUsers, privileged, false),
            ("RoleManagement.ReadWrite.Directory", ManageDirectoryRoles, plain, true),
            ("AppRoleAssignment.ReadWrite.All", ManageAppRoleAssignments, privileged, true),
            ("AuditLog.Read.All", ReadSignIns, plain, true),
            ("directory.accessasuser.all", ManageDirectoryRoles, privileged, true),
            ("openid", ManageApplications, plain, false),
        ] {
            assert_eq!(permits_delegated(action, &[scope.to_owned()], &target), expected, "{scope} {action}");
        }
    }

    #[test]
    fn ids_and_values_are_unique() {
        for (index, one) in GRAPH_PERMISSIONS.iter().enumerate() {
            for other in GRAPH_PERMISSIONS.iter().skip(index + 1) {
                assert!(one.id != other.id && one.value != other.value);
            }
        }
    }
}
