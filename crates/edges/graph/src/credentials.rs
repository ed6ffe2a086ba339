//! Credentials of applications and service principals: client secrets, certificates, federated credentials.

use gatepost_directory::{ObjectKey, ObjectKind};
use http::{Method, StatusCode};
use serde_json::Map;

use crate::error::GraphError;
use crate::path::Segment;
use crate::request::{Request, Routed, members, split_key};

impl Request<'_> {
    /// Answers what follows an object, if it is about its credentials.
    pub(crate) fn credentials(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        next: &Segment,
        rest: &[Segment],
    ) -> Option<Routed> {
        if next.is("federatedIdentityCredentials") {
            return Some(self.federated(kind, key, next, rest));
        }
        if next.key.is_some() || !rest.is_empty() {
            return None;
        }
        if next.is("addPassword") {
            Some(self.add_password(kind, key))
        } else if next.is("removePassword") {
            Some(self.remove_password(kind, key))
        } else if next.is("addKey") {
            Some(self.add_key(kind, key))
        } else if next.is("removeKey") {
            Some(self.remove_key(kind, key))
        } else {
            None
        }
    }

    fn add_password(&self, kind: ObjectKind, key: &ObjectKey) -> Routed {
        self.only(&Method::POST, "POST")?;
        let credential = self.directory.request_password(self.caller, kind, key, &self.optional_body()?)?;
        Ok(self.single("microsoft.graph.passwordCredential", members(credential)))
    }

    fn remove_password(&self, kind: ObjectKind, key: &ObjectKey) -> Routed {
        self.only(&Method::POST, "POST")?;
        self.directory.withdraw_password(self.caller, kind, key, &self.body()?)?;
        Ok(self.replies.no_content())
    }

    fn add_key(&self, kind: ObjectKind, key: &ObjectKey) -> Routed {
        self.only(&Method::POST, "POST")?;
        let credential = self.directory.request_key(self.caller, kind, key, &self.body()?)?;
        Ok(self.single("microsoft.graph.keyCredential", members(credential)))
    }

    fn remove_key(&self, kind: ObjectKind, key: &ObjectKey) -> Routed {
        self.only(&Method::POST, "POST")?;
        self.directory.withdraw_key(self.caller, kind, key, &self.body()?)?;
        Ok(self.replies.no_content())
    }

    fn federated(&self, kind: ObjectKind, key: &ObjectKey, next: &Segment, rest: &[Segment]) -> Routed {
        let context = "federatedIdentityCredentials";
        let (name, rest) = split_key(next, rest)?;
        if let Some(beyond) = rest.first() {
            return Err(GraphError::unknown_segment(&beyond.name));
        }
        let Some(name) = name else {
            return match self.call.method {
                Method::GET => {
                    let values = self.directory.list_federated(self.caller, kind, key)?;
                    Ok(self.page(context, values, None, None))
                }
                Method::POST => {
                    let made = self.directory.create_federated(self.caller, kind, key, &self.body()?)?;
                    Ok(self.single_with(StatusCode::CREATED, &format!("{context}/$entity"), members(made)))
                }
                _ => Err(GraphError::method("GET, POST")),
            };
        };
        match self.call.method {
            Method::GET => {
                let found = self.directory.get_federated(self.caller, kind, key, &name.value)?;
                Ok(self.single(&format!("{context}/$entity"), members(found)))
            }
            Method::PATCH => {
                let sent: Map<_, _> = self.body()?;
                self.directory.update_federated(self.caller, kind, key, &name.value, &sent)?;
                Ok(self.replies.no_content())
            }
            Method::DELETE => {
                self.directory.delete_federated(self.caller, kind, key, &name.value)?;
                Ok(self.replies.no_content())
            }
            _ => Err(GraphError::method("GET, PATCH, DELETE")),
        }
    }
}
