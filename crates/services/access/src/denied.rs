//! Refusals: precise for operators, Azure's own words for clients.

use std::fmt;

use gatepost_names::{ObjectId, Scope};
use gatepost_rbac::DenialCause;
use gatepost_rbac::directory::{DirectoryAction, roles_allowing};

/// Access was refused. `Display` is the operator's sentence: who, what, where and what is missing; it is for
/// logs and explanations. A client gets [`Denied::client_message`].
#[derive(Clone, Debug, PartialEq)]
pub struct Denied {
    /// How the caller is called: a user's principal name, an application's client id.
    pub client: String,
    /// Its object id.
    pub object_id: ObjectId,
    /// What it wanted to do.
    pub action: String,
    /// Where.
    pub scope: Scope,
    /// What is missing.
    pub cause: Box<DenialCause>,
}

impl Denied {
    /// Azure's error code for it, always with status 403.
    pub fn code(&self) -> &'static str {
        match *self.cause {
            DenialCause::DenyAssignment { .. } => "DenyAssignmentAuthorizationFailed",
            _ => "AuthorizationFailed",
        }
    }

    /// Azure's text for its code. It says no more than Azure says.
    pub fn client_message(&self) -> String {
        let Denied { client, object_id, action, scope, .. } = self;
        let lacking = match &*self.cause {
            DenialCause::DenyAssignment { id, name, scope: denied_at, .. } => {
                return format!(
                    "The client '{client}' with object id '{object_id}' has permission to perform action \
                     '{action}' on scope '{scope}'; however, the access is denied because of the deny \
                     assignment with name '{name}' and Id '{}' at scope '{denied_at}'.",
                    id.simple()
                );
            }
            DenialCause::Conditioned { .. } => "authorization or an ABAC condition not fulfilled",
            _ => "authorization",
        };
        format!(
            "The client '{client}' with object id '{object_id}' does not have {lacking} to perform action \
             '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please \
             refresh your credentials."
        )
    }

    /// The text of Azure's `LinkedAuthorizationFailed` (403): `action` was allowed at `scope`, what is
    /// refused here is needed at a linked scope.
    pub fn linked_client_message(&self, action: &str, scope: &str) -> String {
        self.linked_client_message_for(action, scope, std::slice::from_ref(&self.scope))
    }

    /// As [`Denied::linked_client_message`], where what is refused here is needed at several linked scopes.
    pub fn linked_client_message_for(&self, action: &str, scope: &str, linked: &[Scope]) -> String {
        let linked: Vec<&str> = linked.iter().map(Scope::as_str).collect();
        format!(
            "The client '{}' with object id '{}' has permission to perform action '{action}' on scope \
             '{scope}'; however, it does not have permission to perform action '{}' on the linked scope(s) \
             '{}' or the linked scope(s) are invalid.",
            self.client,
            self.object_id,
            self.action,
            linked.join(", ")
        )
    }

    /// Whether asking again may succeed with nothing granted.
    pub fn is_temporary(&self) -> bool {
        *self.cause == DenialCause::Undecided
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Denied { client, object_id, action, scope, cause } = self;
        write!(f, "'{client}'")?;
        let id = object_id.to_string();
        if *client != id {
            write!(f, " (object id {id})")?;
        }
        write!(f, " may not do '{action}' at '{scope}': {cause}")
    }
}

impl std::error::Error for Denied {}

/// A directory operation was refused. `Display` is the operator's sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryDenied {
    /// How the caller is called.
    pub client: String,
    /// Its object id.
    pub object_id: ObjectId,
    /// What it wanted to do.
    pub action: DirectoryAction,
    /// The names of the directory roles that it has.
    pub roles: Vec<&'static str>,
}

impl fmt::Display for DirectoryDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DirectoryDenied { client, object_id, action, roles } = self;
        write!(f, "'{client}' (object id {object_id}) may not {action} in the directory: ")?;
        if roles.is_empty() {
            f.write_str("it has no directory role")?;
        } else {
            write!(f, "its directory roles do not allow it ({})", roles.join(", "))?;
        }
        let allowing: Vec<&str> = roles_allowing(*action).collect();
        write!(f, "; any of these would: {}", allowing.join(", "))
    }
}

impl std::error::Error for DirectoryDenied {}
