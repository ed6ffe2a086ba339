//! Whether a lock is in the way of a write.

use gatepost_access::{Caller, LockedOperation};
use gatepost_names::Scope;

use crate::activity::Method;
use crate::{ResourceError, Resources};

/// Checks that no lock forbids a write at `scope`, which the caller has been allowed. A delete is also stopped by
/// locks further down: what they lock would go too.
///
/// # Errors
/// [`ResourceError::Conflict`] with `ScopeLocked`.
pub(crate) fn check(
    resources: &Resources,
    caller: &Caller,
    scope: &Scope,
    method: Method,
) -> Result<(), ResourceError> {
    let (operation, word) = match method {
        Method::Put | Method::Patch => (LockedOperation::Write, "write"),
        Method::Delete => (LockedOperation::Delete, "delete"),
        Method::Post => (LockedOperation::Action, "write"),
    };
    let Err(locked) = resources.platform().access.check_locks(caller.tenant, scope, operation) else {
        return Ok(());
    };
    let mut scopes: Vec<&str> = locked.locks.iter().map(|lock| lock.scope.as_str()).collect();
    scopes.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    Err(ResourceError::Conflict {
        code: "ScopeLocked",
        message: format!(
            "The scope '{scope}' cannot perform {word} operation because following scope(s) are locked: '{}'. \
             Please remove the lock and try again.",
            scopes.join(",")
        ),
    })
}
