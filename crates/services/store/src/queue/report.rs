//! Reading the queue: lists, traces, and what does not fit together.

use gatepost_names::{ApplicationId, MessageId, ObjectId};

use super::lease::small;
use super::{EventKind, RecipientState, signed, unsigned};
use crate::spool::Place;
use crate::{Conn, Param, Row, StoreError, params};

/// Which messages to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A communication service, or a scope above it; `None` for all.
    pub scope: Option<String>,
    /// Messages with a recipient in this state; [`RecipientState::Queued`] stands for leased ones too.
    pub state: Option<RecipientState>,
    /// Messages accepted before this one: the last of the page before.
    pub before: Option<MessageId>,
    /// Messages on a page.
    pub limit: usize,
}

/// One message in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The message.
    pub id: MessageId,
    /// When it was accepted, in microseconds since the Unix epoch; so all times here.
    pub accepted_at: i64,
    /// The resource id of the communication service.
    pub service: String,
    /// The application that sent it.
    pub app_id: ApplicationId,
    /// Its service principal.
    pub object_id: ObjectId,
    /// The SMTP username that it signed in with.
    pub username: String,
    /// The reverse-path; `None` for the null one.
    pub reverse_path: Option<String>,
    /// The value of the Message-ID field.
    pub internet_message_id: String,
    /// Where the client connected from.
    pub client: String,
    /// Bytes.
    pub size: u64,
    /// When the last recipient came to a final state.
    pub finished_at: Option<i64>,
    /// How many recipients are in each state.
    pub states: Vec<(RecipientState, u64)>,
    /// The first recipient.
    pub first_recipient: String,
}

/// A recipient in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientTrace {
    /// Its number in the message.
    pub number: u32,
    /// Its address.
    pub address: String,
    /// Where it stands.
    pub state: RecipientState,
    /// Attempts made.
    pub attempts: u32,
    /// When the next attempt is due, or the lease expires; meaningless in a final state.
    pub due_at: i64,
    /// What the last attempt ended with.
    pub reply: Option<String>,
}

/// An event in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: i64,
    /// What.
    pub kind: EventKind,
    /// The recipients' numbers; `None` for all.
    pub recipients: Option<Vec<u32>>,
    /// Where it went, why it did not, or who did it.
    pub detail: String,
}

/// All that is known about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTrace {
    /// The message.
    pub summary: Summary,
    /// Its recipients, in order.
    pub recipients: Vec<RecipientTrace>,
    /// What happened, in order; the first is its acceptance.
    pub events: Vec<Event>,
}

const COLUMNS: &str = "m.id, m.accepted_at, s.service, s.app_id, s.object_id, s.username, m.reverse_path, \
     m.internet_message_id, m.client, m.size, m.finished_at";

/// A page of messages, newest first.
///
/// # Errors
/// [`StoreError`].
pub fn list(conn: &Conn<'_>, filter: &Filter) -> Result<Vec<Summary>, StoreError> {
    let before = filter.before.map_or([0xFF; 16], |id| id.bytes());
    let limit = signed(filter.limit as u64);
    let scope = filter.scope.as_deref().map(str::to_lowercase).filter(|scope| scope != "/");
    // The children of a scope sort between `scope/` and `scope0`.
    let (from, to) = scope.as_ref().map_or_else(Default::default, |s| (format!("{s}/"), format!("{s}0")));
    let ids = match (filter.state, &scope) {
        (None | Some(RecipientState::Delivered), None) => {
            page(conn, EVERYWHERE, filter.state, &[before[..].into(), limit.into()])?
        }
        (None | Some(RecipientState::Delivered), Some(scope)) => {
            let sources = conn.query(
                "SELECT id FROM message_sources \
                 WHERE service_key = ?1 OR (service_key >= ?2 AND service_key < ?3)",
                params![scope, &from, &to],
                |row| row.int(0),
            )?;
            let mut ids = Vec::new();
            for source in sources {
                let arguments = [before[..].into(), limit.into(), source.into()];
                ids.extend(page(conn, OF_SOURCE, filter.state, &arguments)?);
            }
            ids
        }
        (Some(state), scope) => {
            let mut states = vec![state];
            if state == RecipientState::Queued {
                states.push(RecipientState::Leased);
            }
            let mut ids = Vec::new();
            for state in states {
                ids.extend(conn.query(
                    "SELECT DISTINCT r.message_id FROM recipients r JOIN messages m ON m.id = r.message_id \
                     JOIN message_sources s ON s.id = m.source_id \
                     WHERE r.state <> 10 AND r.state = ?1 AND r.message_id < ?2 AND (?4 IS NULL \
                     OR s.service_key = ?4 OR (s.service_key >= ?5 AND s.service_key < ?6)) \
                     ORDER BY r.message_id DESC LIMIT ?3",
                    params![state.number(), &before[..], limit, scope.as_deref(), &from, &to],
                    |row| row.uuid(0),
                )?);
            }
            ids
        }
    };
    let mut ids = ids;
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.dedup();
    ids.truncate(filter.limit);
    ids.into_iter().filter_map(|id| summary(conn, MessageId(id)).transpose()).collect()
}

const EVERYWHERE: &str = "m.id < ?1";
const OF_SOURCE: &str = "m.source_id = ?3 AND m.id < ?1";

fn page(
    conn: &Conn<'_>,
    condition: &str,
    state: Option<RecipientState>,
    arguments: &[Param<'_>],
) -> Result<Vec<uuid::Uuid>, StoreError> {
    let delivered = match state {
        None => "",
        Some(_) => " AND EXISTS (SELECT 1 FROM recipients r WHERE r.message_id = m.id AND r.state = 10)",
    };
    conn.query(
        &format!("SELECT m.id FROM messages m WHERE {condition}{delivered} ORDER BY m.id DESC LIMIT ?2"),
        arguments,
        |row| row.uuid(0),
    )
}

fn summary(conn: &Conn<'_>, id: MessageId) -> Result<Option<Summary>, StoreError> {
    let key = id.0.as_bytes().as_slice();
    let found = conn.query_one(
        &format!(
            "SELECT {COLUMNS} FROM messages m JOIN message_sources s ON s.id = m.source_id WHERE m.id = ?1"
        ),
        params![key],
        summary_of,
    )?;
    let Some(mut summary) = found else { return Ok(None) };
    summary.states = conn.query(
        "SELECT state, count(*) FROM recipients WHERE message_id = ?1 GROUP BY state ORDER BY state",
        params![key],
        |row| Ok((RecipientState::of_number(row.int(0)?)?, unsigned(row.int(1)?)?)),
    )?;
    let first = conn.query_one(
        "SELECT address FROM recipients WHERE message_id = ?1 ORDER BY number LIMIT 1",
        params![key],
        |row| row.text(0),
    )?;
    summary.first_recipient = first.unwrap_or_default();
    Ok(Some(summary))
}

fn summary_of(row: &Row<'_>) -> Result<Summary, StoreError> {
    Ok(Summary {
        id: MessageId(row.uuid(0)?),
        accepted_at: row.int(1)?,
        service: row.text(2)?,
        app_id: ApplicationId(row.uuid(3)?),
        object_id: ObjectId(row.uuid(4)?),
        username: row.text(5)?,
        reverse_path: row.opt_text(6)?,
        internet_message_id: row.text(7)?,
        client: row.text(8)?,
        size: unsigned(row.int(9)?)?,
        finished_at: row.opt_int(10)?,
        states: Vec::new(),
        first_recipient: String::new(),
    })
}

/// The whole trace of a message.
///
/// # Errors
/// [`StoreError`].
pub fn show(conn: &Conn<'_>, id: MessageId) -> Result<Option<MessageTrace>, StoreError> {
    let Some(summary) = summary(conn, id)? else { return Ok(None) };
    let key = id.0.as_bytes().as_slice();
    let recipients = conn.query(
        "SELECT number, address, state, attempts, due_at, reply FROM recipients \
         WHERE message_id = ?1 ORDER BY number",
        params![key],
        |row| {
            Ok(RecipientTrace {
                number: small(row.int(0)?)?,
                address: row.text(1)?,
                state: RecipientState::of_number(row.int(2)?)?,
                attempts: small(row.int(3)?)?,
                due_at: row.int(4)?,
                reply: row.opt_text(5)?,
            })
        },
    )?;
    let mut events = vec![Event {
        at: summary.accepted_at,
        kind: EventKind::Accepted,
        recipients: None,
        detail: format!("from {} by {}", summary.client, summary.username),
    }];
    events.extend(conn.query(
        "SELECT at, kind, recipients, detail FROM message_events WHERE message_id = ?1 ORDER BY number",
        params![key],
        event_of,
    )?);
    Ok(Some(MessageTrace { summary, recipients, events }))
}

fn event_of(row: &Row<'_>) -> Result<Event, StoreError> {
    let recipients = row.opt_text(2)?.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Event {
        at: row.int(0)?,
        kind: EventKind::of_number(row.int(1)?)?,
        recipients: recipients.map_err(|e| StoreError::Corrupt(format!("an event's recipients: {e}")))?,
        detail: row.text(3)?,
    })
}

/// How many recipients are in each state that is not final.
///
/// # Errors
/// [`StoreError`].
pub fn depth(conn: &Conn<'_>) -> Result<Vec<(RecipientState, u64)>, StoreError> {
    conn.query(
        "SELECT state, count(*) FROM recipients WHERE state <> 10 AND state IN (0, 1, 2) GROUP BY state",
        &[],
        |row| Ok((RecipientState::of_number(row.int(0)?)?, unsigned(row.int(1)?)?)),
    )
}

/// A message that still needs its frame in the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfinishedMessage {
    /// The message.
    pub id: MessageId,
    /// Where it is in the spool.
    pub place: Place,
}

/// A page of the messages without a final outcome, by id, behind `after`.
///
/// # Errors
/// [`StoreError`].
pub fn unfinished(
    conn: &Conn<'_>,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<UnfinishedMessage>, StoreError> {
    conn.query(
        "SELECT id, segment, place, length FROM messages WHERE id > ?1 AND finished_at IS NULL \
         ORDER BY id LIMIT ?2",
        params![after.map_or([0; 16], |id| id.bytes()), signed(limit as u64)],
        |row| {
            Ok(UnfinishedMessage {
                id: MessageId(row.uuid(0)?),
                place: Place {
                    segment: unsigned(row.int(1)?)?,
                    offset: unsigned(row.int(2)?)?,
                    length: unsigned(row.int(3)?)?,
                },
            })
        },
    )
}

/// What in the queue's rows does not fit together; empty if all does. Reads every row.
///
/// # Errors
/// [`StoreError`].
pub fn verify(conn: &Conn<'_>) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for (statement, what) in [
        (
            "SELECT m.id FROM messages m WHERE m.unfinished <> (SELECT count(*) FROM recipients r \
             WHERE r.message_id = m.id AND r.state < 10)",
            "counts its unfinished recipients wrongly",
        ),
        (
            "SELECT id FROM messages WHERE (unfinished = 0) <> (finished_at IS NOT NULL)",
            "is neither finished nor unfinished",
        ),
        (
            "SELECT m.id FROM messages m WHERE NOT EXISTS (SELECT 1 FROM message_sources s \
             WHERE s.id = m.source_id)",
            "comes from nowhere",
        ),
        (
            "SELECT DISTINCT r.message_id FROM recipients r WHERE NOT EXISTS \
             (SELECT 1 FROM messages m WHERE m.id = r.message_id)",
            "has recipients and no row",
        ),
        (
            "SELECT DISTINCT e.message_id FROM message_events e WHERE NOT EXISTS \
             (SELECT 1 FROM messages m WHERE m.id = e.message_id)",
            "has events and no row",
        ),
        (
            "SELECT message_id FROM recipients WHERE state NOT IN (0, 1, 2, 10, 11, 12) \
             OR (state = 1) <> (lease_owner IS NOT NULL)",
            "has a recipient in a state that there is not",
        ),
    ] {
        found.extend(conn.query(statement, &[], |row| Ok(format!("message {} {what}", row.uuid(0)?)))?);
    }
    Ok(found)
}
