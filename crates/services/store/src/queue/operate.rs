//! What an operator may do to a message, and the end of old traces.

use gatepost_names::MessageId;
use uuid::Uuid;

use super::lease::{Changed, add_event, finish};
use super::{EventKind, RecipientState, signed};
use crate::{Conn, StoreError, Tx, params};

/// What an operator does to a message. Recipients with a final state are left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Try the queued recipients now.
    Retry,
    /// Stop the queued recipients until they are released.
    Hold,
    /// Let the held recipients go on, at once.
    Release,
    /// Give up all that is queued, held, or being delivered just now.
    Drop,
}

/// Does it; `by` says who, for the trace.
///
/// # Errors
/// [`StoreError`].
pub fn operate(
    tx: &Tx<'_>,
    id: MessageId,
    operation: Operation,
    now: i64,
    by: &str,
) -> Result<Changed, StoreError> {
    let (from, to, kind): (&str, RecipientState, EventKind) = match operation {
        Operation::Retry => ("state = 0", RecipientState::Queued, EventKind::Retried),
        Operation::Hold => ("state = 0", RecipientState::Held, EventKind::Held),
        Operation::Release => ("state = 2", RecipientState::Queued, EventKind::Released),
        Operation::Drop => ("state IN (0, 1, 2)", RecipientState::Dropped, EventKind::Dropped),
    };
    let changed = tx.execute(
        &format!(
            "UPDATE recipients SET state = ?1, due_at = ?2, lease_owner = NULL \
             WHERE message_id = ?3 AND {from}"
        ),
        params![to.number(), now, id.0.as_bytes().as_slice()],
    )?;
    if changed == 0 {
        return Ok(Changed::default());
    }
    add_event(tx, id, now, kind, None, by)?;
    let finished = if to.is_final() { finish(tx, id, now, changed)? } else { None };
    Ok(Changed { recipients: changed, finished })
}

/// The resource id of the communication service that a message came through.
///
/// # Errors
/// [`StoreError`].
pub fn scope_of(conn: &Conn<'_>, id: MessageId) -> Result<Option<String>, StoreError> {
    conn.query_one(
        "SELECT s.service FROM messages m JOIN message_sources s ON s.id = m.source_id WHERE m.id = ?1",
        params![id.0.as_bytes().as_slice()],
        |row| row.text(0),
    )
}

/// Deletes messages with their traces that were finished before `before`, at most `limit` of them; answers how
/// many.
///
/// # Errors
/// [`StoreError`].
pub fn expire(tx: &Tx<'_>, before: i64, limit: usize) -> Result<usize, StoreError> {
    // Ids grow with the time of acceptance, and a message is accepted before it is finished.
    let newest = id_at(before);
    let old = tx.query(
        "SELECT id FROM messages WHERE id < ?1 AND finished_at < ?2 ORDER BY id LIMIT ?3",
        params![newest.as_bytes().as_slice(), before, signed(limit as u64)],
        |row| row.uuid(0),
    )?;
    for id in &old {
        let id = id.as_bytes().as_slice();
        tx.execute("DELETE FROM message_events WHERE message_id = ?1", params![id])?;
        tx.execute("DELETE FROM recipients WHERE message_id = ?1", params![id])?;
        tx.execute("DELETE FROM messages WHERE id = ?1", params![id])?;
    }
    Ok(old.len())
}

/// The lowest version 7 UUID of a time.
fn id_at(micros: i64) -> Uuid {
    let millis = u64::try_from(micros.max(0) / 1000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
