//! Showing and operating the queue. Who may do so is decided by the edges, at [`Delivery::scope_of`].

use gatepost_names::MessageId;
use gatepost_store::StoreError;
use gatepost_store::queue::{self, Envelope, Filter, MessageTrace, Operation, Summary, UnfinishedMessage};

use crate::Delivery;

/// Rows that are read at a time.
const PAGE: usize = 1000;

impl Delivery {
    /// A page of messages, newest first.
    ///
    /// # Errors
    /// [`StoreError`]; so for all below.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Summary>, StoreError> {
        self.0.store.read(|conn| queue::list(conn, filter))
    }

    /// The whole trace of a message.
    ///
    /// # Errors
    /// As [`Delivery::list`].
    pub fn show(&self, id: MessageId) -> Result<Option<MessageTrace>, StoreError> {
        self.0.store.read(|conn| queue::show(conn, id))
    }

    /// The resource id of the communication service that a message came through.
    ///
    /// # Errors
    /// As [`Delivery::list`].
    pub fn scope_of(&self, id: MessageId) -> Result<Option<String>, StoreError> {
        self.0.store.read(|conn| queue::scope_of(conn, id))
    }

    /// Tries the queued recipients of a message now. `by` names who asked, for the trace. Answers how many
    /// recipients it concerns; so for the others below.
    ///
    /// # Errors
    /// As [`Delivery::list`].
    pub fn retry(&self, id: MessageId, by: &str) -> Result<usize, StoreError> {
        self.operate(id, Operation::Retry, by)
    }

    /// Stops the queued recipients of a message until they are released.
    ///
    /// # Errors
    /// As [`Delivery::list`].
    pub fn hold(&self, id: MessageId, by: &str) -> Result<usize, StoreError> {
        self.operate(id, Operation::Hold, by)
    }

    /// Lets the held recipients of a message go on.
    ///
    /// # Errors
    /// As [`Delivery::list`].
    pub fn release(&self, id: MessageId, by: &str) -> Result<usize, StoreError> {
        self.operate(id, Operation::Release, by)
    }

    /// Gives up the recipients of a message that have no final state. A delivery that goes on just now may
    /// still happen.
    ///
    /// # Errors
    /// As [`Delivery::list`].
    pub fn drop(&self, id: MessageId, by: &str) -> Result<usize, StoreError> {
        self.operate(id, Operation::Drop, by)
    }

    fn operate(&self, id: MessageId, operation: Operation, by: &str) -> Result<usize, StoreError> {
        let now = self.0.clock.micros();
        let changed = self.0.store.write_queue(|tx| queue::operate(tx, id, operation, now, by))?;
        if operation == Operation::Drop {
            self.0.counters.queued(-i64::try_from(changed.recipients).unwrap_or(i64::MAX));
            self.0.counters.failed(changed.recipients as u64);
        }
        self.0.spool.note_finished(changed.finished);
        self.0.work.ring();
        Ok(changed.recipients)
    }

    /// What is wrong with the queue; empty if nothing is: rows that do not fit together, and messages that are
    /// still to be delivered without a whole frame in the spool.
    pub fn verify(&self) -> Vec<String> {
        let mut found = match self.0.store.read(queue::verify) {
            Ok(found) => found,
            Err(error) => vec![format!("the queue's rows cannot be read: {error}")],
        };
        let mut after = None;
        loop {
            let page = match self.0.store.read(|conn| queue::unfinished(conn, after, PAGE)) {
                Ok(page) => page,
                Err(error) => {
                    found.push(format!("the queue's rows cannot be read: {error}"));
                    break;
                }
            };
            found.extend(page.iter().filter_map(|message| self.fault_of(message)));
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.id),
                _ => break,
            }
        }
        found
    }

    fn fault_of(&self, message: &UnfinishedMessage) -> Option<String> {
        let read = self.0.spool.read(message.place).and_then(|frame| Envelope::decode(&frame.envelope));
        let fault = match read {
            Ok(envelope) if envelope.id == message.id => return None,
            Ok(envelope) => format!("message {} has the frame of {}", message.id, envelope.id),
            Err(error) => format!("message {} cannot be read: {error}", message.id),
        };
        // It may have been finished, and its segment used again, since its row was read.
        let finished = self
            .show(message.id)
            .is_ok_and(|trace| trace.is_none_or(|trace| trace.summary.finished_at.is_some()));
        (!finished).then_some(fault)
    }
}
