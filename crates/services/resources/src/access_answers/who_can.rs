//! `whoCan`: everybody who could do a thing.

use gatepost_access::{About, Caller};
use gatepost_names::{ObjectId, Scope};
use gatepost_rbac::explain::{Holder, Through, WhoCan};
use serde_json::{Value, json};

use super::asked::{Asked, text};
use crate::authorization::role_definition_id;
use crate::tags::malformed;
use crate::{ResourceError, Resources};

/// Principals on a page where the question says no number, and at most.
const PAGE: usize = 100;
const MOST: usize = 1000;

impl Resources {
    pub(super) fn who_can(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
    ) -> Result<Value, ResourceError> {
        let asked = Asked::read(body)?;
        let after = text(body, "after")?.map(str::parse).transpose();
        let after: Option<ObjectId> = after.map_err(|_| malformed("'after' must be an object id."))?;
        let size = match body.get("top") {
            None | Some(Value::Null) => PAGE,
            Some(top) => top
                .as_u64()
                .and_then(|top| usize::try_from(top).ok())
                .filter(|top| (1..=MOST).contains(top))
                .ok_or_else(|| malformed(&format!("'top' must be a number from 1 to {MOST}.")))?,
        };
        let about = About {
            tenant: caller.tenant,
            principal: caller.object_id,
            action: &asked.action,
            plane: asked.plane,
            scope,
            at: asked.at,
            address: asked.address,
            attributes: &asked.given,
        };
        let found = self.platform().access.who_can(&about, after, size);
        let found = found.unwrap_or_else(|_| WhoCan { holders: Vec::new(), next: None, candidates: 0 });
        let value = found.holders.iter().map(|holder| self.holder(caller, scope, holder));
        Ok(json!({
            "value": value.collect::<Result<Vec<_>, _>>()?,
            "candidates": found.candidates,
            "after": found.next,
        }))
    }

    fn holder(&self, caller: &Caller, scope: &Scope, holder: &Holder) -> Result<Value, ResourceError> {
        let through = holder.through.iter().map(|through| self.through(caller, scope, through));
        Ok(json!({
            "principal": self.person(caller.tenant, holder.principal)?.shown(),
            "conditional": holder.conditional,
            "through": through.collect::<Result<Vec<_>, _>>()?,
        }))
    }

    fn through(&self, caller: &Caller, scope: &Scope, through: &Through) -> Result<Value, ResourceError> {
        let base = through.scope.as_str().trim_end_matches('/');
        Ok(json!({
            "id": format!("{base}/providers/Microsoft.Authorization/roleAssignments/{}", through.assignment),
            "roleDefinitionId": role_definition_id(through.role, scope),
            "roleName": through.role_name,
            "scope": through.scope.as_str(),
            "groups": self.people(caller.tenant, &through.path)?,
        }))
    }
}
