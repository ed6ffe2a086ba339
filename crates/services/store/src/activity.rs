//! The activity log. Events are written by `gatepost-resources` alone and never changed, except that a repeated
//! one counts up; they go when they are old.

use gatepost_names::{ObjectId, SubscriptionId, TenantId};
use uuid::Uuid;

use crate::{Conn, Param, Row, StoreError, Tx, params};

/// An event. Keys are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// The tenant of who asked.
    pub tenant: TenantId,
    /// The subscription in which it happened; `None` for what is in no subscription.
    pub subscription: Option<SubscriptionId>,
    /// When, in microseconds.
    pub at: i64,
    /// The request's correlation id.
    pub correlation: Uuid,
    /// Who asked, as the log names it.
    pub caller_key: String,
    /// The action.
    pub operation_key: String,
    /// The provider's namespace.
    pub provider_key: String,
    /// The resource group; empty where there is none.
    pub group_key: String,
    /// The id of what it is about.
    pub resource_key: String,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// Whether nothing was changed.
    pub bounded: bool,
    /// What was refused, if access was.
    pub refused: Option<RefusedAction>,
    /// The event as it is shown, JSON.
    pub doc: String,
}

/// What a caller was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAction {
    /// Who.
    pub object_id: ObjectId,
    /// How error texts name the caller.
    pub client: String,
    /// Which action.
    pub action: String,
    /// Where.
    pub scope: String,
}

/// An event that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Where it stands in the log; grows.
    pub seq: i64,
    /// When it happened first.
    pub at: i64,
    /// Who asked, in lower case.
    pub caller_key: String,
    /// The provider's namespace, in lower case.
    pub provider_key: String,
    /// The action, in lower case.
    pub operation_key: String,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// How often the same happened again.
    pub repeats: i64,
    /// When it happened last.
    pub last_at: i64,
    /// The event as it is shown, JSON.
    pub doc: String,
}

/// A refusal that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// Where it stands in the log.
    pub seq: i64,
    /// When it happened first.
    pub at: i64,
    /// Under which correlation id.
    pub correlation: Uuid,
    /// What.
    pub refused: RefusedAction,
    /// The event as it is shown, JSON.
    pub doc: String,
}

/// Which events of a log are wanted: one of these, that an index answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Narrowing {
    /// All of the log.
    All,
    /// Those in a resource group; its name in lower case.
    Group(String),
    /// Those about exactly this id, in lower case.
    Resource(String),
    /// Those of a caller, as the log names it, in lower case.
    Caller(String),
    /// Those of a request.
    Correlation(Uuid),
}

/// A part of a log, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The tenant.
    pub tenant: TenantId,
    /// The subscription; `None` for the tenant's own log.
    pub subscription: Option<SubscriptionId>,
    /// Which events.
    pub narrowing: Narrowing,
    /// Not before this time.
    pub from: i64,
    /// Not after this time.
    pub until: i64,
    /// Only those before this event (time and place in the log), which a page ended with.
    pub before: Option<(i64, i64)>,
    /// Most events.
    pub limit: u32,
}

/// Adds an event; answers where it stands in the log.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &Tx<'_>, event: &EventRow) -> Result<i64, StoreError> {
    let refused = event.refused.as_ref();
    let found = tx.query_one(
        "INSERT INTO activity (tenant_id, subscription_id, at, correlation_id, caller_key, operation_key, \
         provider_key, group_key, resource_key, status_key, bounded, refused_object_id, refused_client, \
         refused_action, refused_scope, repeats, last_at, doc) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0, ?3, ?16) RETURNING seq",
        params![
            event.tenant.bytes(),
            log_of(event.subscription),
            event.at,
            event.correlation,
            &event.caller_key,
            &event.operation_key,
            &event.provider_key,
            &event.group_key,
            &event.resource_key,
            if event.succeeded { SUCCEEDED } else { "failed" },
            event.bounded,
            refused.map(|refused| refused.object_id.0),
            refused.map(|refused| &refused.client),
            refused.map(|refused| &refused.action),
            refused.map(|refused| &refused.scope),
            &event.doc,
        ],
        |row| row.int(0),
    )?;
    found.ok_or_else(|| StoreError::Engine("an insert answered no row".to_owned()))
}

const SUCCEEDED: &str = "succeeded";

/// Says how often an event happened again so far, and when last. Nothing happens if it is gone.
///
/// # Errors
/// [`StoreError`].
pub fn repeat(tx: &Tx<'_>, seq: i64, repeats: i64, last_at: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE activity SET repeats = ?2, last_at = ?3 WHERE seq = ?1",
        params![seq, repeats, last_at],
    )
    .map(|_| ())
}

/// The events that are wanted, newest first.
///
/// # Errors
/// [`StoreError`].
pub fn events(conn: &Conn<'_>, wanted: &Wanted) -> Result<Vec<StoredEvent>, StoreError> {
    let (column, key): (&str, Param<'_>) = match &wanted.narrowing {
        Narrowing::All => ("", Param::Null),
        Narrowing::Group(key) => (" AND group_key = ?8", key.into()),
        Narrowing::Resource(key) => (" AND resource_key = ?8", key.into()),
        Narrowing::Caller(key) => (" AND caller_key = ?8", key.into()),
        Narrowing::Correlation(id) => (" AND correlation_id = ?8", (*id).into()),
    };
    let index = match &wanted.narrowing {
        Narrowing::All => "activity_of_subscription",
        Narrowing::Group(_) => "activity_of_group",
        Narrowing::Resource(_) => "activity_of_resource",
        Narrowing::Caller(_) => "activity_of_caller",
        Narrowing::Correlation(_) => "activity_of_correlation",
    };
    let (before_at, before_seq) = wanted.before.unwrap_or((i64::MAX, i64::MAX));
    // The index is entered where the page begins; of events at the same time the comparison of pairs decides.
    let until = wanted.until.min(before_at);
    let sql = format!(
        "SELECT seq, at, caller_key, provider_key, operation_key, status_key, repeats, last_at, doc \
         FROM activity INDEXED BY {index} WHERE tenant_id = ?1 AND subscription_id = ?2 AND at >= ?3 AND at <= ?4 \
         AND (at, seq) < (?5, ?6){column} ORDER BY at DESC, seq DESC LIMIT ?7"
    );
    let mut arguments = vec![
        Param::from(wanted.tenant.bytes()),
        log_of(wanted.subscription).into(),
        wanted.from.into(),
        until.into(),
        before_at.into(),
        before_seq.into(),
        wanted.limit.into(),
    ];
    if !column.is_empty() {
        arguments.push(key);
    }
    conn.query(&sql, &arguments, |row| {
        Ok(StoredEvent {
            seq: row.int(0)?,
            at: row.int(1)?,
            caller_key: row.text(2)?,
            provider_key: row.text(3)?,
            operation_key: row.text(4)?,
            succeeded: row.text(5)? == SUCCEEDED,
            repeats: row.int(6)?,
            last_at: row.int(7)?,
            doc: row.text(8)?,
        })
    })
}

const REFUSED: &str = "SELECT seq, at, correlation_id, refused_object_id, refused_client, refused_action, \
     refused_scope, doc FROM activity";

/// The refusals under a correlation id, newest first, at most a hundred.
///
/// # Errors
/// [`StoreError`].
pub fn refused_by_correlation(
    conn: &Conn<'_>,
    tenant: TenantId,
    correlation: Uuid,
) -> Result<Vec<RefusedRow>, StoreError> {
    conn.query(
        &format!(
            "{REFUSED} WHERE tenant_id = ?1 AND correlation_id = ?2 AND refused_action IS NOT NULL \
             ORDER BY at DESC, seq DESC LIMIT 100"
        ),
        params![tenant.bytes(), correlation],
        refused_of,
    )
}

/// The refusal that stands at this place of the log, if it is of this tenant.
///
/// # Errors
/// [`StoreError`].
pub fn refused_at(conn: &Conn<'_>, tenant: TenantId, seq: i64) -> Result<Option<RefusedRow>, StoreError> {
    conn.query_one(
        &format!("{REFUSED} WHERE seq = ?1 AND tenant_id = ?2 AND refused_action IS NOT NULL"),
        params![seq, tenant.bytes()],
        refused_of,
    )
}

/// Removes at most `limit` of the oldest events if they happened before `before`; answers how many went.
///
/// # Errors
/// [`StoreError`].
pub fn purge_before(tx: &Tx<'_>, before: i64, limit: u32) -> Result<usize, StoreError> {
    tx.execute(
        "DELETE FROM activity WHERE seq IN (SELECT seq FROM activity ORDER BY seq LIMIT ?2) AND at < ?1",
        params![before, limit],
    )
}

/// How many events there are that changed nothing.
///
/// # Errors
/// [`StoreError`].
pub fn count_bounded(conn: &Conn<'_>) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM activity INDEXED BY activity_that_is_bounded WHERE bounded = 1";
    Ok(conn.query_one(sql, &[], |row| row.int(0))?.unwrap_or(0))
}

/// Removes at most `limit` of the oldest events that changed nothing; answers how many went.
///
/// # Errors
/// [`StoreError`].
pub fn purge_bounded(tx: &Tx<'_>, limit: u32) -> Result<usize, StoreError> {
    tx.execute(
        "DELETE FROM activity WHERE seq IN (SELECT seq FROM activity INDEXED BY activity_that_is_bounded \
         WHERE bounded = 1 ORDER BY seq LIMIT ?1)",
        params![limit],
    )
}

/// The column that tells logs apart: a subscription's id, or nothing for the tenant's own log.
fn log_of(subscription: Option<SubscriptionId>) -> Vec<u8> {
    subscription.map_or_else(Vec::new, |id| id.bytes().to_vec())
}

fn refused_of(row: &Row<'_>) -> Result<RefusedRow, StoreError> {
    Ok(RefusedRow {
        seq: row.int(0)?,
        at: row.int(1)?,
        correlation: row.uuid(2)?,
        refused: RefusedAction {
            object_id: ObjectId(row.uuid(3)?),
            client: row.text(4)?,
            action: row.text(5)?,
            scope: row.text(6)?,
        },
        doc: row.text(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    const TENANT: TenantId = TenantId(Uuid::from_u128(1));
    const SUB: SubscriptionId = SubscriptionId(Uuid::from_u128(2));

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        (dir, store)
    }

    fn event(at: i64, group: &str) -> EventRow {
        EventRow {
            tenant: TENANT,
            subscription: Some(SUB),
            at,
            correlation: Uuid::from_u128(7),
            caller_key: "anna".into(),
            operation_key: "a.b/c/write".into(),
            provider_key: "a.b".into(),
            group_key: group.into(),
            resource_key: format!("/{group}/x"),
            succeeded: true,
            bounded: false,
            refused: None,
            doc: format!("{{\"at\":{at}}}"),
        }
    }

    fn wanted(narrowing: Narrowing) -> Wanted {
        Wanted {
            tenant: TENANT,
            subscription: Some(SUB),
            narrowing,
            from: 0,
            until: i64::MAX,
            before: None,
            limit: 100,
        }
    }

    fn times(store: &Store, wanted: &Wanted) -> Vec<i64> {
        let found = store.read(|conn| events(conn, wanted)).unwrap();
        found.iter().map(|event| event.at).collect()
    }

    #[test]
    fn events_are_found_by_what_an_index_answers() {
        let (_dir, store) = store();
        store
            .write_queue::<_, StoreError>(|tx| {
                for (at, group) in [(1, "a"), (2, "b"), (2, "a"), (3, "a")] {
                    insert(tx, &event(at, group))?;
                }
                insert(tx, &EventRow { subscription: None, ..event(9, "") })?;
                insert(tx, &EventRow { tenant: TenantId(Uuid::from_u128(5)), ..event(9, "a") })
            })
            .unwrap();
        assert_eq!(times(&store, &wanted(Narrowing::All)), [3, 2, 2, 1]);
        assert_eq!(times(&store, &wanted(Narrowing::Group("a".into()))), [3, 2, 1]);
        assert_eq!(times(&store, &wanted(Narrowing::Resource("/b/x".into()))), [2]);
        assert_eq!(times(&store, &wanted(Narrowing::Caller("bert".into()))), [0; 0]);
        assert_eq!(times(&store, &wanted(Narrowing::Correlation(Uuid::from_u128(7)))), [3, 2, 2, 1]);
        assert_eq!(times(&store, &Wanted { subscription: None, ..wanted(Narrowing::All) }), [9]);
        assert_eq!(times(&store, &Wanted { from: 2, until: 2, ..wanted(Narrowing::All) }), [2, 2]);
    }

    #[test]
    fn pages_join_where_times_are_equal() {
        let (_dir, store) = store();
        store
            .write_queue::<_, StoreError>(|tx| {
                (0..10).try_for_each(|n| insert(tx, &event(n / 5, "a")).map(|_| ()))
            })
            .unwrap();
        let (mut before, mut seen) = (None, Vec::new());
        loop {
            let page = Wanted { before, limit: 3, ..wanted(Narrowing::All) };
            let found = store.read(|conn| events(conn, &page)).unwrap();
            let Some(last) = found.last() else { break };
            before = Some((last.at, last.seq));
            seen.extend(found.iter().map(|event| event.seq));
        }
        assert_eq!(seen, (1..=10).rev().collect::<Vec<_>>());
    }

    #[test]
    fn old_events_go_in_steps_and_of_the_bounded_ones_the_oldest() {
        let (_dir, store) = store();
        store
            .write_queue::<_, StoreError>(|tx| {
                (0..10).try_for_each(|n| {
                    insert(tx, &EventRow { bounded: n % 2 == 0, ..event(n, "a") }).map(|_| ())
                })
            })
            .unwrap();
        let purge = |before, limit| store.write_queue(|tx| purge_before(tx, before, limit)).unwrap();
        assert_eq!((purge(4, 3), purge(4, 3), purge(4, 3)), (3, 1, 0));
        assert_eq!(store.read(count_bounded).unwrap(), 3);
        assert_eq!(store.write_queue(|tx| purge_bounded(tx, 2)).unwrap(), 2);
        assert_eq!(times(&store, &wanted(Narrowing::All)), [9, 8, 7, 5]);
    }

    #[test]
    fn a_refusal_is_found_by_its_correlation_id() {
        let (_dir, store) = store();
        let refused = RefusedAction {
            object_id: ObjectId(Uuid::from_u128(3)),
            client: "anna".into(),
            action: "A.B/c/write".into(),
            scope: "/".into(),
        };
        let row =
            EventRow { succeeded: false, bounded: true, refused: Some(refused.clone()), ..event(4, "") };
        let seq = store
            .write_queue::<_, StoreError>(|tx| {
                insert(tx, &event(4, ""))?;
                let seq = insert(tx, &row)?;
                repeat(tx, seq, 3, 8)?;
                Ok(seq)
            })
            .unwrap();
        let find =
            |tenant| store.read(|conn| refused_by_correlation(conn, tenant, Uuid::from_u128(7))).unwrap();
        assert_eq!(find(TENANT).len(), 1);
        assert_eq!(find(TENANT)[0].refused, refused);
        assert!(find(TenantId(Uuid::from_u128(5))).is_empty());
        assert!(store.read(|conn| refused_at(conn, TENANT, seq)).unwrap().is_some());
        assert!(store.read(|conn| refused_at(conn, TENANT, seq - 1)).unwrap().is_none());
        let shown = store.read(|conn| events(conn, &wanted(Narrowing::All))).unwrap();
        assert_eq!((shown[0].repeats, shown[0].last_at, shown[0].succeeded), (3, 8, false));
    }
}
