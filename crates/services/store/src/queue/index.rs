//! Rows for messages that the spool has made durable.

use std::collections::HashMap;

use gatepost_names::{ApplicationId, ObjectId};

use super::{Envelope, signed, unsigned};
use crate::spool::{Position, Written};
use crate::{Conn, StoreError, Tx, params};

/// The ids of message sources that were met. INVARIANT: it holds committed rows only; whoever rolls a
/// transaction back forgets it.
#[derive(Debug, Default)]
pub struct Sources(HashMap<(String, ApplicationId, ObjectId, String), i64>);

impl Sources {
    /// Forgets all.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    fn id(&mut self, tx: &Tx<'_>, envelope: &Envelope) -> Result<i64, StoreError> {
        let key = (envelope.service.clone(), envelope.app_id, envelope.object_id, envelope.username.clone());
        if let Some(id) = self.0.get(&key) {
            return Ok(*id);
        }
        let lower = envelope.service.to_lowercase();
        tx.execute(
            "INSERT INTO message_sources (service_key, app_id, object_id, username, service) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            params![
                &lower,
                envelope.app_id.bytes(),
                envelope.object_id.bytes(),
                &envelope.username,
                &envelope.service
            ],
        )?;
        let id = tx.query_one(
            "SELECT id FROM message_sources WHERE service_key = ?1 AND app_id = ?2 AND object_id = ?3 \
             AND username = ?4 AND service = ?5",
            params![
                &lower,
                envelope.app_id.bytes(),
                envelope.object_id.bytes(),
                &envelope.username,
                &envelope.service
            ],
            |row| row.int(0),
        )?;
        let id = id.ok_or_else(|| StoreError::Corrupt("a message source vanished".to_owned()))?;
        self.0.insert(key, id);
        Ok(id)
    }
}

/// Adds the rows of a message, due at once. A message that is there already is left alone; answers whether it
/// was new.
///
/// # Errors
/// [`StoreError`].
pub fn index(tx: &Tx<'_>, sources: &mut Sources, written: &Written) -> Result<bool, StoreError> {
    let (envelope, place) = (&written.envelope, &written.place);
    let source = sources.id(tx, envelope)?;
    let id = envelope.id.0.as_bytes().as_slice();
    let added = tx.execute(
        "INSERT INTO messages (id, source_id, accepted_at, reverse_path, internet_message_id, client, size, \
         segment, place, length, unfinished) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
         ON CONFLICT DO NOTHING",
        params![
            id,
            source,
            envelope.accepted_at,
            envelope.reverse_path.as_deref(),
            &envelope.internet_message_id,
            &envelope.client,
            signed(envelope.size),
            signed(place.segment),
            signed(place.offset),
            signed(place.length),
            signed(envelope.recipients.len() as u64)
        ],
    )?;
    if added == 0 {
        return Ok(false);
    }
    for (number, address) in (0_i64..).zip(&envelope.recipients) {
        tx.execute(
            "INSERT INTO recipients (message_id, number, address, state, attempts, due_at) \
             VALUES (?1, ?2, ?3, 0, 0, ?4)",
            params![id, number, address, envelope.accepted_at],
        )?;
    }
    Ok(true)
}

/// How far the rows follow the spool.
///
/// # Errors
/// [`StoreError`].
pub fn indexed(conn: &Conn<'_>) -> Result<Position, StoreError> {
    let found = conn.query_one("SELECT segment, place, chain FROM spool_position", &[], |row| {
        Ok(Position {
            segment: unsigned(row.int(0)?)?,
            offset: unsigned(row.int(1)?)?,
            chain: row.int(2)?.cast_unsigned(),
        })
    })?;
    found.ok_or_else(|| StoreError::Corrupt("the spool's position is missing".to_owned()))
}

/// Sets how far the rows follow the spool; in the transaction that adds the rows.
///
/// # Errors
/// [`StoreError`].
pub fn set_indexed(tx: &Tx<'_>, position: Position) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE spool_position SET segment = ?1, place = ?2, chain = ?3",
        params![signed(position.segment), signed(position.offset), position.chain.cast_signed()],
    )
    .map(|_| ())
}

/// How many messages without a final outcome each segment of the spool holds.
///
/// # Errors
/// [`StoreError`].
pub fn unfinished_by_segment(conn: &Conn<'_>) -> Result<Vec<(u64, u64)>, StoreError> {
    // The few states that are not final lead to the messages; the table of messages may be large.
    conn.query(
        "SELECT segment, count(*) FROM messages WHERE id IN \
         (SELECT message_id FROM recipients WHERE state <> 10 AND state IN (0, 1, 2)) GROUP BY segment",
        &[],
        |row| Ok((unsigned(row.int(0)?)?, unsigned(row.int(1)?)?)),
    )
}
