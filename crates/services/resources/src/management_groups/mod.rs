//! `Microsoft.Management`: the management groups of a tenant and which subscription is in which.
//!
//! Each tenant has a root group, named by the tenant's id; everything else is below it, six levels deep at most.
//! Rights are inherited downwards, so moving a group or a subscription changes who may do what in it: that needs
//! rights at what is moved, where it was and where it goes ([`moves`]).

mod bodies;
mod entities;
mod forest;
mod moves;
mod placements;
mod writes;

use gatepost_access::{Caller, ManagementGroup};
use gatepost_names::{Scope, TenantId};
use serde_json::{Value, json};

use crate::provider::Operation;
use crate::tags::bad;
use crate::{ResourceError, Resources};

pub use entities::{EntityQuery, View};
pub(crate) use forest::Forest;

/// The provider's namespace.
pub const NAMESPACE: &str = "Microsoft.Management";

pub(crate) const READ: &str = "Microsoft.Management/managementGroups/read";
const WRITE: &str = "Microsoft.Management/managementGroups/write";
const DELETE: &str = "Microsoft.Management/managementGroups/delete";
const PLACE: &str = "Microsoft.Management/managementGroups/subscriptions/write";
const REMOVE: &str = "Microsoft.Management/managementGroups/subscriptions/delete";
const READ_BELOW: &str = "Microsoft.Management/managementGroups/descendants/read";
const READ_PLACE: &str = "Microsoft.Management/managementGroups/subscriptions/read";

/// Most levels below the root group, and most groups of a tenant (Azure documentation, management groups).
const DEEPEST: usize = 6;
const MOST_GROUPS: usize = 10_000;

macro_rules! operations {
    ($($name:literal, $display:literal;)*) => {
        &[$(Operation {
            name: concat!("Microsoft.Management/", $name),
            display_name: $display,
            description: concat!($display, "."),
            is_data_action: false,
        }),*]
    };
}

/// Of Microsoft.Management, the operations that exist here.
pub(crate) const OPERATIONS: &[Operation] = operations! {
    "checkNameAvailability/action", "Check whether the name of a management group is free";
    "getEntities/action", "List the management groups and subscriptions that one sees";
    "managementGroups/read", "Read management groups";
    "managementGroups/write", "Create a management group or change it";
    "managementGroups/delete", "Delete a management group";
    "managementGroups/descendants/read", "List what is in a management group";
    "managementGroups/subscriptions/read", "Read the subscriptions of a management group";
    "managementGroups/subscriptions/write", "Put a subscription into a management group";
    "managementGroups/subscriptions/delete", "Take a subscription out of a management group";
    "register/action", "Register Microsoft.Management";
};

/// What `$expand` adds to a management group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupExpand {
    /// What is directly in it.
    pub children: bool,
    /// What is in it at any depth.
    pub recurse: bool,
    /// Leaves the subscriptions out of the children.
    pub groups_only: bool,
    /// The names from the root group to it.
    pub path: bool,
    /// The groups above it.
    pub ancestors: bool,
}

impl GroupExpand {
    /// Reads `$expand`, `$recurse` and `$filter`.
    ///
    /// # Errors
    /// [`ResourceError::BadRequest`] for another value than those that there are.
    pub fn parse(
        expand: Option<&str>,
        recurse: Option<&str>,
        filter: Option<&str>,
    ) -> Result<GroupExpand, ResourceError> {
        let mut read = GroupExpand::default();
        for name in expand.unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name.to_ascii_lowercase().as_str() {
                "children" => read.children = true,
                "path" => read.path = true,
                "ancestors" => read.ancestors = true,
                _ => return Err(refused(format!("The $expand value '{name}' is not supported."))),
            }
        }
        read.recurse = match recurse.map(str::trim).unwrap_or("").to_ascii_lowercase().as_str() {
            "" | "false" => false,
            "true" if read.children => true,
            "true" => return Err(refused("$recurse=true needs $expand=children.".to_owned())),
            other => return Err(refused(format!("The $recurse value '{other}' is neither true nor false."))),
        };
        let words: Vec<String> =
            filter.unwrap_or("").split_whitespace().map(str::to_ascii_lowercase).collect();
        read.groups_only = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] => false,
            ["children.childtype", "ne", "subscription" | "'subscription'"] => true,
            _ => return Err(crate::listing::invalid(filter.unwrap_or(""))),
        };
        Ok(read)
    }
}

impl Resources {
    /// The management groups that the caller may read.
    ///
    /// # Errors
    /// [`ResourceError::Store`].
    pub fn management_groups(&self, caller: &Caller) -> Result<Vec<Value>, ResourceError> {
        let forest = Forest::read(self, caller.tenant)?;
        let readable = |group: &&ManagementGroup| self.may(caller, READ, &forest::scope(&group.name));
        Ok(forest.groups().filter(readable).map(bodies::outline).collect())
    }

    /// One management group.
    ///
    /// # Errors
    /// [`ResourceError::Denied`]; [`ResourceError::NotFound`].
    pub fn management_group(
        &self,
        caller: &Caller,
        name: &str,
        expand: GroupExpand,
    ) -> Result<Value, ResourceError> {
        self.authorize(caller, READ, &self.known(caller, READ, name)?)?;
        let forest = Forest::read(self, caller.tenant)?;
        let group = forest.group(name).ok_or_else(|| missing(name))?;
        Ok(bodies::shown(&forest, group, expand))
    }

    /// What is in a management group at any depth: parents before what is in them.
    ///
    /// # Errors
    /// As [`Resources::management_group`].
    pub fn descendants(&self, caller: &Caller, name: &str) -> Result<Vec<Value>, ResourceError> {
        self.authorize(caller, READ_BELOW, &self.known(caller, READ_BELOW, name)?)?;
        let forest = Forest::read(self, caller.tenant)?;
        let group = forest.group(name).ok_or_else(|| missing(name))?;
        Ok(bodies::descendants(&forest, group))
    }

    /// `checkNameAvailability`: whether a management group could be made with a name.
    ///
    /// # Errors
    /// [`ResourceError::InvalidRequestContent`].
    pub fn check_management_group_name(&self, caller: &Caller, body: &Value) -> Result<Value, ResourceError> {
        let name = body.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| crate::tags::malformed("'name' is required and must be a string."))?;
        let unavailable = |reason: &str, message: String| {
            Ok(json!({"nameAvailable": false, "reason": reason, "message": message}))
        };
        if let Err(error) = bodies::check_name(name) {
            return unavailable("Invalid", error.to_string());
        }
        if self.platform().access.management_group(caller.tenant, name).is_some() {
            return unavailable("AlreadyExists", format!("The management group '{name}' exists already."));
        }
        Ok(json!({"nameAvailable": true}))
    }

    /// Whether all subscriptions of a tenant are in a management group: they always are here.
    pub fn tenant_backfill(&self, caller: &Caller) -> Value {
        json!({"tenantId": caller.tenant.to_string(), "status": "Completed"})
    }

    /// The scope of a group. That there is none is told to those who could do `action` in the whole tenant; for
    /// others, a group that is not there is one that they may not touch.
    fn known(&self, caller: &Caller, action: &str, name: &str) -> Result<Scope, ResourceError> {
        let scope = parsed(name)?;
        if self.is_absent(caller, action, name)? { Err(missing(name)) } else { Ok(scope) }
    }

    fn is_absent(&self, caller: &Caller, action: &str, name: &str) -> Result<bool, ResourceError> {
        let root = parsed(&caller.tenant.to_string())?;
        Ok(!self.is_management_group(caller.tenant, name) && self.may(caller, action, &root))
    }

    /// Whether a delete that was accepted is over: it is when the reply goes out.
    pub fn is_management_group(&self, tenant: TenantId, name: &str) -> bool {
        self.platform().access.management_group(tenant, name).is_some()
    }
}

/// The scope of a management group that a request names.
pub(crate) fn parsed(name: &str) -> Result<Scope, ResourceError> {
    let text = format!("/providers/Microsoft.Management/managementGroups/{name}");
    let scope =
        Scope::parse(&text).ok().filter(|scope| scope.kind() == gatepost_names::ScopeKind::ManagementGroup);
    scope.ok_or_else(|| refused(format!("'{name}' is not the name of a management group.")))
}

fn missing(name: &str) -> ResourceError {
    ResourceError::NotFound {
        code: "NotFound",
        message: format!("'/providers/Microsoft.Management/managementGroups/{name}' not found"),
    }
}

fn refused(message: String) -> ResourceError {
    bad("BadRequest", message)
}

#[cfg(test)]
mod tests;
