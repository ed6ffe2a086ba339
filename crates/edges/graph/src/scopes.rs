//! What a client was given to do on behalf of a user: a delegated token reaches no further than its scopes,
//! whatever the user may. Here by path; what a change may reach is decided with the user's rights.

use http::Method;

use crate::path::Segment;

/// Actions that are sent by POST and only look.
const LOOKING: [&str; 6] = [
    "getByIds",
    "getMemberGroups",
    "getMemberObjects",
    "checkMemberGroups",
    "checkMemberObjects",
    "validateProperties",
];

/// The scopes that let a client read, and write, beside those of the whole directory.
const AREAS: [(&str, &[&str], &[&str]); 12] = [
    ("me", &["User.Read", "User.Read.All", "User.ReadWrite.All"], &["User.ReadWrite.All"]),
    ("users", &["User.Read.All", "User.ReadWrite.All"], &["User.ReadWrite.All"]),
    ("groups", &["Group.Read.All", "Group.ReadWrite.All"], &["Group.ReadWrite.All"]),
    ("applications", &["Application.Read.All", "Application.ReadWrite.All"], &["Application.ReadWrite.All"]),
    (
        "servicePrincipals",
        &["Application.Read.All", "Application.ReadWrite.All"],
        &["Application.ReadWrite.All"],
    ),
    (
        "oauth2PermissionGrants",
        &["DelegatedPermissionGrant.ReadWrite.All"],
        &["DelegatedPermissionGrant.ReadWrite.All"],
    ),
    ("directoryRoles", &["RoleManagement.ReadWrite.Directory"], &["RoleManagement.ReadWrite.Directory"]),
    ("directoryRoleTemplates", &["RoleManagement.ReadWrite.Directory"], &[]),
    ("roleManagement", &["RoleManagement.ReadWrite.Directory"], &["RoleManagement.ReadWrite.Directory"]),
    ("auditLogs", &["AuditLog.Read.All"], &[]),
    ("organization", &["User.Read"], &[]),
    ("domains", &[], &[]),
];

/// Whether these scopes let a client do this on behalf of a user.
pub(crate) fn allow(scopes: &[String], method: &Method, segments: &[Segment]) -> bool {
    let has = |wanted: &str| scopes.iter().any(|scope| scope.eq_ignore_ascii_case(wanted));
    let last = segments.last();
    if last.is_some_and(|last| last.is("changePassword")) {
        return has("Directory.AccessAsUser.All");
    }
    let reads = *method == Method::GET
        || (*method == Method::POST && last.is_some_and(|last| LOOKING.iter().any(|name| last.is(name))));
    if has("Directory.AccessAsUser.All")
        || has("Directory.ReadWrite.All")
        || (reads && has("Directory.Read.All"))
    {
        return true;
    }
    // App roles have a scope of their own, wherever they are asked for.
    let about_app_roles =
        segments.iter().any(|segment| segment.is("appRoleAssignedTo") || segment.is("appRoleAssignments"));
    if about_app_roles && has("AppRoleAssignment.ReadWrite.All") {
        return true;
    }
    let area = AREAS.iter().find(|(name, ..)| segments.first().is_some_and(|first| first.is(name)));
    area.is_some_and(|(_, reading, writing)| {
        let wanted = if reads { reading } else { writing };
        (reads || !about_app_roles) && wanted.iter().any(|scope| has(scope))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::parse;

    #[test]
    fn a_client_reaches_no_further_than_its_scopes() {
        for (scopes, method, path, expected) in [
            ("User.Read", Method::GET, "/v1.0/me", true),
            ("User.Read", Method::GET, "/v1.0/me/memberOf", true),
            ("User.Read", Method::PATCH, "/v1.0/me", false),
            ("User.Read", Method::GET, "/v1.0/users", false),
            ("User.Read", Method::POST, "/v1.0/applications", false),
            ("User.Read", Method::GET, "/v1.0/nowhere", false),
            ("User.ReadWrite.All", Method::DELETE, "/v1.0/users/x", true),
            ("User.ReadWrite.All", Method::POST, "/v1.0/groups", false),
            ("Directory.Read.All", Method::GET, "/v1.0/groups", true),
            ("Directory.Read.All", Method::POST, "/v1.0/directoryObjects/getByIds", true),
            ("Directory.Read.All", Method::POST, "/v1.0/groups", false),
            ("Directory.AccessAsUser.All", Method::POST, "/v1.0/groups", true),
            ("Directory.AccessAsUser.All", Method::POST, "/v1.0/me/changePassword", true),
            ("Directory.ReadWrite.All User.ReadWrite.All", Method::POST, "/v1.0/me/changePassword", false),
            ("Application.ReadWrite.All", Method::POST, "/v1.0/servicePrincipals/x/appRoleAssignedTo", false),
            (
                "AppRoleAssignment.ReadWrite.All",
                Method::POST,
                "/v1.0/servicePrincipals/x/appRoleAssignedTo",
                true,
            ),
            ("AuditLog.Read.All openid", Method::GET, "/v1.0/auditLogs/signIns", true),
        ] {
            let (_, segments) = parse(path).unwrap();
            let scopes: Vec<String> = scopes.split(' ').map(str::to_owned).collect();
            assert_eq!(allow(&scopes, &method, &segments), expected, "{scopes:?} {method} {path}");
        }
    }
}
