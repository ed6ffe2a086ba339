//! Long-running operations.
//!
//! Everything that Azure does in the background is done here before the answer goes out. An operation is the
//! record that a polling client finds; it is kept for a day, across restarts.

use std::time::Duration;

use gatepost_access::Caller;
use gatepost_clock::{arm_format, from_micros};
use gatepost_names::{ResourceId, Scope, SubscriptionId};
use gatepost_store::StoreError;
use gatepost_store::resources::{self as rows, OperationRow};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::provider::Change;
use crate::{ResourceError, Resources};

/// How long a finished operation can be looked at.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Records a finished operation on `target`.
pub(crate) fn record(change: &Change<'_>, target: &Scope) -> Result<Uuid, StoreError> {
    let now = change.now.as_microsecond();
    let id = Uuid::new_v4();
    let subscription = target
        .subscription_id()
        .ok_or_else(|| StoreError::Corrupt(format!("an operation on {target}, outside of subscriptions")))?;
    let row = OperationRow {
        id,
        tenant: change.caller.tenant,
        started_by: change.caller.object_id,
        subscription,
        resource_id: target.to_string(),
        started_at: now,
        ended_at: now,
    };
    rows::insert_operation(change.tx, &row, now - i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX))?;
    Ok(id)
}

impl Resources {
    /// The status monitor of an operation: what `Azure-AsyncOperation` leads to.
    ///
    /// Who began it may look; so may everybody who may read the resource.
    ///
    /// # Errors
    /// [`ResourceError::OperationNotFound`] also for an operation that the caller may not look at.
    pub fn operation_status(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
        id: &str,
    ) -> Result<Value, ResourceError> {
        let row = self.operation(caller, subscription, id)?;
        Ok(json!({
            "id": format!("/subscriptions/{subscription}/operationStatuses/{}", row.id),
            "name": row.id.to_string(),
            "resourceId": row.resource_id,
            "status": "Succeeded",
            "startTime": arm_format(from_micros(row.started_at)),
            "endTime": arm_format(from_micros(row.ended_at)),
            "percentComplete": 100.0,
        }))
    }

    /// Whether an operation is complete: what `Location` leads to. All are.
    ///
    /// # Errors
    /// As [`Resources::operation_status`].
    pub fn operation_result(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
        id: &str,
    ) -> Result<(), ResourceError> {
        self.operation(caller, subscription, id).map(|_| ())
    }

    fn operation(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
        id: &str,
    ) -> Result<OperationRow, ResourceError> {
        self.subscription_of(caller, subscription)?;
        let missing = || ResourceError::OperationNotFound(id.to_owned());
        let uuid = Uuid::try_parse(id).map_err(|_| missing())?;
        let found = self.platform().store.read::<_, StoreError>(|conn| rows::operation(conn, uuid))?;
        found
            .filter(|row| row.tenant == caller.tenant && row.subscription == subscription)
            .filter(|row| row.started_by == caller.object_id || self.may_read_target(caller, row))
            .ok_or_else(missing)
    }

    fn may_read_target(&self, caller: &Caller, row: &OperationRow) -> bool {
        let Ok(scope) = Scope::parse(&row.resource_id) else { return false };
        let stem = ResourceId::from_scope(scope.clone())
            .and_then(|id| self.registry().named(&id.resource_type()).map(|kind| kind.info().action_stem));
        let stem = stem.unwrap_or(crate::groups::STEM);
        self.may(caller, &format!("{stem}/read"), &scope)
    }
}
