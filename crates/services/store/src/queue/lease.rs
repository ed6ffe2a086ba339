//! Taking due recipients to deliver them, and recording what came of it.

use gatepost_names::{ApplicationId, MessageId};
use uuid::Uuid;

use super::{EventKind, RecipientState, signed, unsigned};
use crate::spool::Place;
use crate::{Conn, Row, StoreError, Tx, params};

/// A message of which recipients are to be delivered now, by whoever leased them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// The message.
    pub id: MessageId,
    /// Where it is in the spool.
    pub place: Place,
    /// The resource id of the communication service that it came through.
    pub service: String,
    /// The application that sent it.
    pub app_id: ApplicationId,
    /// The reverse-path; `None` for the null one.
    pub reverse_path: Option<String>,
    /// When it was accepted, in microseconds since the Unix epoch.
    pub accepted_at: i64,
    /// The recipients that are leased.
    pub recipients: Vec<LeasedRecipient>,
}

/// A recipient to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeasedRecipient {
    /// Its number in the message.
    pub number: u32,
    /// Its address.
    pub address: String,
    /// Attempts that were made before.
    pub attempts: u32,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    /// The message.
    pub message: MessageId,
    /// The recipients' numbers; `None` for all that this owner has leased.
    pub recipients: Option<&'a [u32]>,
    /// Delivered, failed, or queued again.
    pub state: RecipientState,
    /// When to try again, if queued.
    pub due_at: i64,
    /// For the trace: where it went, or why it did not.
    pub detail: &'a str,
}

/// What a change came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// How many recipients changed.
    pub recipients: usize,
    /// The message's spool segment, if the last of its recipients has come to a final state.
    pub finished: Option<u64>,
}

/// Leases the due recipients of up to `limit` messages until `until`, longest due first. All due recipients of
/// a message are leased together.
///
/// # Errors
/// [`StoreError`].
pub fn lease(
    tx: &Tx<'_>,
    owner: Uuid,
    now: i64,
    until: i64,
    limit: usize,
) -> Result<Vec<Leased>, StoreError> {
    let due = tx.query(
        "SELECT message_id FROM recipients WHERE state < 2 AND due_at <= ?1 \
         ORDER BY due_at, message_id LIMIT ?2",
        params![now, signed(limit as u64)],
        |row| row.uuid(0),
    )?;
    let mut leased = Vec::with_capacity(due.len());
    for id in due {
        let mut recipients = tx.query(
            "UPDATE recipients SET state = 1, lease_owner = ?1, due_at = ?2 \
             WHERE message_id = ?3 AND state < 2 AND due_at <= ?4 RETURNING number, address, attempts",
            params![owner.as_bytes().as_slice(), until, id.as_bytes().as_slice(), now],
            recipient_of,
        )?;
        // A message with several recipients was in the list more than once.
        if recipients.is_empty() {
            continue;
        }
        recipients.sort_unstable_by_key(|recipient| recipient.number);
        let message = tx.query_one(
            "SELECT m.segment, m.place, m.length, s.service, s.app_id, m.reverse_path, m.accepted_at \
             FROM messages m JOIN message_sources s ON s.id = m.source_id WHERE m.id = ?1",
            params![id.as_bytes().as_slice()],
            |row| leased_of(row, id),
        )?;
        let mut message =
            message.ok_or_else(|| StoreError::Corrupt(format!("message {id} has recipients and no row")))?;
        message.recipients = recipients;
        leased.push(message);
    }
    Ok(leased)
}

fn recipient_of(row: &Row<'_>) -> Result<LeasedRecipient, StoreError> {
    Ok(LeasedRecipient { number: small(row.int(0)?)?, address: row.text(1)?, attempts: small(row.int(2)?)? })
}

fn leased_of(row: &Row<'_>, id: Uuid) -> Result<Leased, StoreError> {
    Ok(Leased {
        id: MessageId(id),
        place: Place {
            segment: unsigned(row.int(0)?)?,
            offset: unsigned(row.int(1)?)?,
            length: unsigned(row.int(2)?)?,
        },
        service: row.text(3)?,
        app_id: ApplicationId(row.uuid(4)?),
        reverse_path: row.opt_text(5)?,
        accepted_at: row.int(6)?,
        recipients: Vec::new(),
    })
}

/// When the next recipient is due; `None` for an empty queue.
///
/// # Errors
/// [`StoreError`].
pub fn next_due(conn: &Conn<'_>) -> Result<Option<i64>, StoreError> {
    conn.query_one(
        "SELECT due_at FROM recipients WHERE state < 2 ORDER BY due_at, message_id LIMIT 1",
        &[],
        |row| row.int(0),
    )
}

/// Records what came of an attempt on recipients that `owner` has leased. One whose lease was lost, or that an
/// operator has dropped meanwhile, is left alone.
///
/// # Errors
/// [`StoreError`].
pub fn record(tx: &Tx<'_>, owner: Uuid, now: i64, outcome: &Outcome<'_>) -> Result<Changed, StoreError> {
    let id = outcome.message.0.as_bytes().as_slice();
    let state = outcome.state.number();
    let owner = owner.as_bytes().as_slice();
    let changed = match outcome.recipients {
        None => tx.execute(
            "UPDATE recipients SET state = ?1, attempts = attempts + 1, due_at = ?2, lease_owner = NULL, \
             reply = ?3 WHERE message_id = ?4 AND state = 1 AND lease_owner = ?5",
            params![state, outcome.due_at, outcome.detail, id, owner],
        )?,
        Some(numbers) => {
            let mut changed = 0;
            for number in numbers {
                changed += tx.execute(
                    "UPDATE recipients SET state = ?1, attempts = attempts + 1, due_at = ?2, \
                     lease_owner = NULL, reply = ?3 \
                     WHERE message_id = ?4 AND number = ?6 AND state = 1 AND lease_owner = ?5",
                    params![state, outcome.due_at, outcome.detail, id, owner, *number],
                )?;
            }
            changed
        }
    };
    if changed == 0 {
        return Ok(Changed::default());
    }
    let kind = match outcome.state {
        RecipientState::Delivered => EventKind::Delivered,
        RecipientState::Failed | RecipientState::Dropped => EventKind::Failed,
        RecipientState::Held => EventKind::Held,
        RecipientState::Queued | RecipientState::Leased => EventKind::Deferred,
    };
    add_event(tx, outcome.message, now, kind, outcome.recipients, outcome.detail)?;
    let finished = if outcome.state.is_final() { finish(tx, outcome.message, now, changed)? } else { None };
    Ok(Changed { recipients: changed, finished })
}

/// Counts `final_now` recipients of a message off. Answers its spool segment if those were the last.
pub(super) fn finish(
    tx: &Tx<'_>,
    id: MessageId,
    now: i64,
    final_now: usize,
) -> Result<Option<u64>, StoreError> {
    let left = tx.query_one(
        "UPDATE messages SET unfinished = unfinished - ?2, \
         finished_at = CASE WHEN unfinished = ?2 THEN ?3 ELSE finished_at END \
         WHERE id = ?1 RETURNING unfinished, segment",
        params![id.0.as_bytes().as_slice(), signed(final_now as u64), now],
        |row| Ok((row.int(0)?, unsigned(row.int(1)?)?)),
    )?;
    Ok(left.and_then(|(unfinished, segment)| (unfinished == 0).then_some(segment)))
}

/// Adds an event to a message's trace.
pub(super) fn add_event(
    tx: &Tx<'_>,
    id: MessageId,
    now: i64,
    kind: EventKind,
    recipients: Option<&[u32]>,
    detail: &str,
) -> Result<(), StoreError> {
    let recipients = recipients.and_then(|numbers| serde_json::to_string(numbers).ok());
    tx.execute(
        "INSERT INTO message_events (message_id, number, at, kind, recipients, detail) VALUES (?1, \
         (SELECT coalesce(max(number), 0) + 1 FROM message_events WHERE message_id = ?1), ?2, ?3, ?4, ?5)",
        params![id.0.as_bytes().as_slice(), now, kind.number(), recipients.as_deref(), detail],
    )
    .map(|_| ())
}

/// Makes recipients due that are leased by other owners than `owner`. For the start of a server that is the
/// only one on its store: whoever had those leases is gone.
///
/// # Errors
/// [`StoreError`].
pub fn release_leases(tx: &Tx<'_>, owner: Uuid, now: i64) -> Result<usize, StoreError> {
    tx.execute(
        "UPDATE recipients SET state = 0, lease_owner = NULL, due_at = ?2 \
         WHERE state <> 10 AND state = 1 AND lease_owner <> ?1",
        params![owner.as_bytes().as_slice(), now],
    )
}

pub(super) fn small(value: i64) -> Result<u32, StoreError> {
    u32::try_from(value).map_err(|_| StoreError::Corrupt(format!("{value} is out of range")))
}
