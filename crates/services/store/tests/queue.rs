//! The queue's rows: leases, outcomes, operations, lists, the end of traces.

#![expect(clippy::unwrap_used, reason = "tests")]

use gatepost_names::{ApplicationId, MessageId, ObjectId};
use gatepost_store::queue::{
    self, EventKind, Filter, Leased, Operation, Outcome, RecipientState, Sources, Summary,
};
use gatepost_store::spool::{Place, Position, Written};
use gatepost_store::{Store, StoreError};
use uuid::Uuid;

const SECOND: i64 = 1_000_000;
const START: i64 = 1_700_000_000 * SECOND;

struct Queue {
    _folder: tempfile::TempDir,
    store: Store,
    sources: Sources,
}

fn owner(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// The id of the message accepted `second` seconds after the start.
fn id(second: i64) -> MessageId {
    let millis = u64::try_from((START / SECOND + second) * 1000).unwrap();
    MessageId(uuid::Builder::from_unix_timestamp_millis(millis, &[7; 10]).into_uuid())
}

fn service(name: &str) -> String {
    format!(
        "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Communication/communicationServices/{name}"
    )
}

fn written(second: i64, through: &str, recipients: &[&str]) -> Written {
    Written {
        envelope: queue::Envelope {
            id: id(second),
            accepted_at: START + second * SECOND,
            service: service(through),
            app_id: ApplicationId(Uuid::from_u128(1)),
            object_id: ObjectId(Uuid::from_u128(2)),
            username: "mailer".to_owned(),
            reverse_path: Some("a@b.example".to_owned()),
            recipients: recipients.iter().map(|text| (*text).to_owned()).collect(),
            internet_message_id: "<x@y>".to_owned(),
            client: "::1".to_owned(),
            size: 10,
        },
        place: Place { segment: 3, offset: 8, length: 50 },
        end: Position { segment: 3, offset: 64, chain: u64::MAX },
    }
}

impl Queue {
    fn new() -> Queue {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("gatepost.db")).unwrap();
        Queue { _folder: folder, store, sources: Sources::default() }
    }

    fn add(&mut self, second: i64, through: &str, recipients: &[&str]) -> bool {
        let written = written(second, through, recipients);
        let sources = &mut self.sources;
        self.store.write_queue(|tx| queue::index(tx, sources, &written)).unwrap()
    }

    fn lease(&self, who: u128, second: i64, limit: usize) -> Vec<Leased> {
        let now = START + second * SECOND;
        self.store.write_queue(|tx| queue::lease(tx, owner(who), now, now + 60 * SECOND, limit)).unwrap()
    }

    fn record(&self, who: u128, second: i64, outcome: &Outcome<'_>) -> queue::Changed {
        let now = START + second * SECOND;
        self.store.write_queue(|tx| queue::record(tx, owner(who), now, outcome)).unwrap()
    }

    fn operate(&self, message: MessageId, operation: Operation) -> usize {
        self.store
            .write_queue(|tx| queue::operate(tx, message, operation, START + 500 * SECOND, "an operator"))
            .unwrap()
            .recipients
    }

    fn states(&self, message: MessageId) -> Vec<RecipientState> {
        let trace = self.store.read(|conn| queue::show(conn, message)).unwrap().unwrap();
        trace.recipients.iter().map(|recipient| recipient.state).collect()
    }

    fn list(&self, filter: &Filter) -> Vec<Summary> {
        self.store.read(|conn| queue::list(conn, filter)).unwrap()
    }

    fn check(&self) {
        assert_eq!(self.store.read(queue::verify).unwrap(), Vec::<String>::new());
    }
}

fn delivered(message: MessageId) -> Outcome<'static> {
    Outcome { message, recipients: None, state: RecipientState::Delivered, due_at: 0, detail: "there" }
}

#[test]
fn a_message_is_indexed_once_with_the_position() {
    let mut queue = Queue::new();
    assert!(queue.add(0, "one", &["x@y"]));
    assert!(!queue.add(0, "one", &["x@y"]));
    let end = written(0, "one", &[]).end;
    queue.store.write_queue(|tx| queue::set_indexed(tx, end)).unwrap();
    assert_eq!(queue.store.read(queue::indexed).unwrap(), end);
    assert_eq!(queue.store.read(queue::unfinished_by_segment).unwrap(), [(3, 1)]);
    queue.check();
}

#[test]
fn a_message_is_leased_whole_and_finished_once() {
    let mut queue = Queue::new();
    queue.add(0, "one", &["x@y", "z@y"]);
    queue.add(1, "one", &["w@y"]);
    let leased = queue.lease(1, 10, 1);
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].id, id(0));
    assert_eq!(leased[0].place, Place { segment: 3, offset: 8, length: 50 });
    assert_eq!(leased[0].recipients.iter().map(|r| r.address.as_str()).collect::<Vec<_>>(), ["x@y", "z@y"]);
    assert_eq!(queue.lease(2, 10, 10).iter().map(|l| l.id).collect::<Vec<_>>(), [id(1)]);
    assert_eq!(queue.lease(3, 10, 10), []);
    let changed = queue.record(1, 11, &delivered(id(0)));
    assert_eq!(changed, queue::Changed { recipients: 2, finished: Some(3) });
    assert_eq!(queue.record(1, 11, &delivered(id(0))), queue::Changed::default());
    let trace = queue.store.read(|conn| queue::show(conn, id(0))).unwrap().unwrap();
    assert_eq!(trace.summary.finished_at, Some(START + 11 * SECOND));
    let kinds: Vec<EventKind> = trace.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Accepted, EventKind::Delivered]);
    assert_eq!(trace.events[1].detail, "there");
    queue.check();
}

#[test]
fn an_expired_lease_goes_to_the_next_and_the_late_outcome_is_ignored() {
    let mut queue = Queue::new();
    queue.add(0, "one", &["x@y"]);
    assert_eq!(queue.lease(1, 0, 10).len(), 1);
    assert_eq!(queue.store.read(queue::next_due).unwrap(), Some(START + 60 * SECOND));
    assert_eq!(queue.lease(2, 59, 10), []);
    assert_eq!(queue.lease(2, 60, 10).len(), 1);
    assert_eq!(queue.record(1, 61, &delivered(id(0))), queue::Changed::default());
    assert_eq!(queue.states(id(0)), [RecipientState::Leased]);
    assert_eq!(queue.record(2, 62, &delivered(id(0))).finished, Some(3));
    queue.check();
}

#[test]
fn a_new_server_takes_over_what_the_old_one_held() {
    let mut queue = Queue::new();
    queue.add(0, "one", &["x@y"]);
    queue.lease(1, 0, 10);
    let released = queue.store.write_queue(|tx| queue::release_leases(tx, owner(2), START + 5 * SECOND));
    assert_eq!(released.unwrap(), 1);
    queue.check();
    assert_eq!(queue.lease(2, 5, 10).len(), 1);
}

#[test]
fn recipients_may_end_differently() {
    let mut queue = Queue::new();
    queue.add(0, "one", &["x@y", "z@y", "w@y"]);
    queue.lease(1, 0, 10);
    let outcome = |recipients, state, due_at, detail| Outcome {
        message: id(0),
        recipients: Some(recipients),
        state,
        due_at,
        detail,
    };
    let due = START + 100 * SECOND;
    assert_eq!(queue.record(1, 1, &outcome(&[0], RecipientState::Delivered, 0, "250 2.0.0")).finished, None);
    assert_eq!(queue.record(1, 1, &outcome(&[1], RecipientState::Failed, 0, "550 5.1.1")).recipients, 1);
    assert_eq!(queue.record(1, 1, &outcome(&[2], RecipientState::Queued, due, "450 4.2.1")).recipients, 1);
    assert_eq!(
        queue.states(id(0)),
        [RecipientState::Delivered, RecipientState::Failed, RecipientState::Queued]
    );
    queue.check();
    assert_eq!(queue.lease(1, 99, 10), []);
    let again = queue.lease(1, 100, 10);
    assert_eq!((again[0].recipients[0].number, again[0].recipients[0].attempts), (2, 1));
    assert_eq!(queue.record(1, 101, &delivered(id(0))).finished, Some(3));
    queue.check();
}

#[test]
fn an_operator_holds_releases_retries_and_drops() {
    let mut queue = Queue::new();
    queue.add(0, "one", &["x@y", "z@y"]);
    assert_eq!(queue.operate(id(0), Operation::Release), 0);
    assert_eq!(queue.operate(id(0), Operation::Hold), 2);
    assert_eq!(queue.lease(1, 600, 10), []);
    assert_eq!(queue.store.read(queue::depth).unwrap(), [(RecipientState::Held, 2)]);
    assert_eq!(queue.operate(id(0), Operation::Release), 2);
    assert_eq!(queue.operate(id(0), Operation::Retry), 2);
    assert_eq!(queue.lease(1, 600, 10).len(), 1);
    assert_eq!(queue.operate(id(0), Operation::Retry), 0, "leased just now");
    assert_eq!(queue.operate(id(0), Operation::Drop), 2);
    assert_eq!(queue.record(1, 601, &delivered(id(0))), queue::Changed::default());
    assert_eq!(queue.states(id(0)), [RecipientState::Dropped; 2]);
    let trace = queue.store.read(|conn| queue::show(conn, id(0))).unwrap().unwrap();
    let kinds: Vec<&str> = trace.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["accepted", "held", "released", "retried", "dropped"]);
    assert_eq!(queue.operate(id(9), Operation::Drop), 0, "no such message");
    queue.check();
}

#[test]
fn lists_go_by_key_newest_first_and_keep_to_scope_and_state() {
    let mut queue = Queue::new();
    for second in 0..10 {
        queue.add(second, if second % 2 == 0 { "acs" } else { "acs1" }, &["x@y", "z@y"]);
    }
    queue.operate(id(3), Operation::Hold);
    queue.operate(id(4), Operation::Hold);
    let seconds = |found: Vec<Summary>| -> Vec<i64> {
        found.iter().map(|summary| (summary.accepted_at - START) / SECOND).collect()
    };
    let all = Filter { limit: 4, ..Filter::default() };
    assert_eq!(seconds(queue.list(&all)), [9, 8, 7, 6]);
    assert_eq!(seconds(queue.list(&Filter { before: Some(id(6)), ..all.clone() })), [5, 4, 3, 2]);
    let one = Filter { scope: Some(service("ACS")), ..all.clone() };
    assert_eq!(seconds(queue.list(&one)), [8, 6, 4, 2], "acs1 is no part of acs");
    let group = Filter { scope: Some("/subscriptions/s/resourcegroups/rg".to_owned()), ..all.clone() };
    assert_eq!(seconds(queue.list(&group)), [9, 8, 7, 6]);
    let elsewhere = Filter { scope: Some("/subscriptions/s/resourcegroups/r".to_owned()), ..all.clone() };
    assert_eq!(seconds(queue.list(&elsewhere)), [0_i64; 0]);
    let held = Filter { state: Some(RecipientState::Held), ..all.clone() };
    assert_eq!(seconds(queue.list(&held)), [4, 3]);
    assert_eq!(seconds(queue.list(&Filter { scope: Some(service("acs1")), ..held })), [3]);
    queue.lease(1, 0, 10);
    queue.record(1, 0, &delivered(id(0)));
    queue.lease(1, 5, 3);
    let queued = Filter { state: Some(RecipientState::Queued), ..all.clone() };
    assert_eq!(seconds(queue.list(&queued)), [9, 8, 7, 6], "leased ones are among them");
    let done = Filter { state: Some(RecipientState::Delivered), ..all.clone() };
    assert_eq!(seconds(queue.list(&done)), [0]);
    assert_eq!(seconds(queue.list(&Filter { scope: Some(service("acs1")), ..done })), [0_i64; 0]);
    let first = &queue.list(&all)[0];
    assert_eq!(first.first_recipient, "x@y");
    assert_eq!(first.states.iter().map(|(_, count)| count).sum::<u64>(), 2);
    assert!(queue.store.read(|conn| queue::show(conn, id(99))).unwrap().is_none());
    assert_eq!(queue.store.read(|conn| queue::scope_of(conn, id(1))).unwrap(), Some(service("acs1")));
}

#[test]
fn finished_traces_end_and_unfinished_ones_stay() {
    let mut queue = Queue::new();
    for second in 0..4 {
        queue.add(second, "one", &["x@y"]);
    }
    queue.lease(1, 10, 10);
    for (message, second) in [(0, 10), (1, 11), (2, 1000)] {
        assert_eq!(queue.record(1, second, &delivered(id(message))).recipients, 1);
    }
    let expire = |second: i64, limit| -> Result<usize, StoreError> {
        queue.store.write_queue(|tx| queue::expire(tx, START + second * SECOND, limit))
    };
    assert_eq!(expire(10, 10).unwrap(), 0);
    assert_eq!(expire(500, 1).unwrap(), 1);
    assert_eq!(expire(500, 10).unwrap(), 1);
    assert_eq!(expire(500, 10).unwrap(), 0, "finished later, or not at all");
    queue.check();
    assert_eq!(queue.list(&Filter { limit: 10, ..Filter::default() }).len(), 2);
}

#[test]
fn rows_that_do_not_fit_together_are_named() {
    let mut queue = Queue::new();
    queue.add(0, "one", &["x@y"]);
    queue.store.write_queue(|tx| tx.execute("UPDATE messages SET unfinished = 2", &[])).unwrap();
    assert_eq!(queue.store.read(queue::verify).unwrap().len(), 1);
    queue.store.write_queue(|tx| tx.execute("DELETE FROM messages", &[])).unwrap();
    assert_eq!(queue.store.read(queue::verify).unwrap().len(), 1);
}
