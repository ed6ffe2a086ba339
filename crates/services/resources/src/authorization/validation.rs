//! `validate`: whether a role assignment could be made, without making it.

use gatepost_access::Caller;
use gatepost_names::Scope;
use serde_json::{Value, json};

use super::assignment_bodies::Wanted;
use super::assignment_writes::{Asked, WRITE, name_of};
use crate::activity::status_and_code;
use crate::versions::ApiVersion;
use crate::{ResourceError, Resources};

impl Resources {
    /// `isValid`, and what would be wrong with the PUT of this body.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] for who could not make any assignment here, and failures of the server; what is
    /// wrong with the request is the answer.
    pub fn validate_role_assignment(
        &self,
        caller: &Caller,
        scope: &Scope,
        name: &str,
        body: &Value,
        version: ApiVersion<'_>,
    ) -> Result<Value, ResourceError> {
        self.authorize_possible(caller, WRITE, scope)?;
        let outcome = name_of(name).and_then(|name| {
            let wanted = Wanted::read(version, scope, name, body)?;
            self.platform().store.read(|conn| {
                let asked = Asked { conn, caller, now: self.platform().clock.now() };
                self.assignment_after(&asked, scope, name, wanted, version)
            })
        });
        match outcome {
            Ok(_) => Ok(json!({"isValid": true, "errorInfo": null})),
            Err(error @ ResourceError::Store(_)) => Err(error),
            Err(error) => Ok(json!({"isValid": false, "errorInfo": explained(&error)})),
        }
    }
}

fn explained(error: &ResourceError) -> Value {
    let (code, message) = match error {
        ResourceError::Denied(denied) => (denied.code(), denied.client_message()),
        error => (status_and_code(error).1, error.to_string()),
    };
    // As Azure says it here.
    let code = if code == "RoleDefinitionDoesNotExist" { "InvalidRoleDefinitionId" } else { code };
    json!({"code": code, "message": message})
}
