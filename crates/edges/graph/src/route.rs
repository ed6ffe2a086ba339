//! From a path to the room that answers it.

use gatepost_access::Caller;
use gatepost_directory::Directory;
use gatepost_https::Call;
use gatepost_tokens::Tokens;

use crate::error::GraphError;
use crate::objects::COLLECTIONS;
use crate::path;
use crate::reply::Replies;
use crate::request::{Request, Routed};

/// What paths begin with.
const ROOMS: [&str; 16] = [
    "applications",
    "servicePrincipals",
    "users",
    "groups",
    "directoryObjects",
    "directoryRoles",
    "directoryRoleTemplates",
    "oauth2PermissionGrants",
    "organization",
    "domains",
    "me",
    "directory",
    "roleManagement",
    "policies",
    "auditLogs",
    "$batch",
];

/// Whether there is something where a path begins.
pub(crate) fn is_known(segments: &[path::Segment]) -> bool {
    segments.first().is_some_and(|first| ROOMS.iter().any(|room| first.is(room)))
}

/// Answers a call of an authenticated caller.
///
/// # Errors
/// [`GraphError`], by cause.
pub(crate) fn answer(
    directory: &Directory,
    tokens: &Tokens,
    caller: &Caller,
    call: &Call,
    replies: &Replies<'_>,
) -> Routed {
    let (version, segments) = path::parse(&call.path)?;
    let request = Request { directory, tokens, caller, call, replies, version };
    let Some((first, rest)) = segments.split_first() else {
        return Err(GraphError::unknown_segment(version));
    };
    for (name, kind) in COLLECTIONS {
        if first.is(name) {
            return request.collection(name, kind, first, rest);
        }
    }
    if first.is("directoryObjects") {
        return request.directory_objects(first, rest);
    }
    if first.is("directoryRoles") {
        return request.directory_roles(first, rest);
    }
    if first.is("directoryRoleTemplates") {
        return request.role_templates(first, rest);
    }
    if first.is("oauth2PermissionGrants") {
        return request.permission_grants(first, rest);
    }
    if first.is("organization") {
        return request.organization(first, rest);
    }
    if first.is("domains") {
        return request.domains(first, rest);
    }
    match (first.key.is_none(), rest) {
        (true, rest) if first.is("me") => request.me(rest),
        (true, [next, rest @ ..]) if first.is("directory") && next.is("deletedItems") => {
            request.deleted_items(rest)
        }
        (true, rest) if first.is("roleManagement") => request.role_management(rest),
        (true, rest) if first.is("policies") => request.policies(rest),
        (true, rest) if first.is("auditLogs") => request.audit_logs(rest),
        _ => Err(GraphError::unknown_segment(&first.name)),
    }
}
