//! The events that are not on disk yet, and those of the last minute, which count up what is the same.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gatepost_names::ObjectId;
use gatepost_store::activity::EventRow;
use serde_json::Value;
use uuid::Uuid;

/// How long what is the same counts as one event, in microseconds.
const WINDOW: i64 = 60_000_000;
/// Most events of one caller, and of all callers, in a window.
const MOST_OF_CALLER: u32 = 120;
const MOST_OF_ALL: u32 = 600;
/// Most repetitions of which the correlation id is remembered.
const MOST_REPEATS: usize = 4096;
/// Most events of one transaction.
const BATCH: usize = 256;

#[derive(Default)]
pub(super) struct Waiting {
    queue: Vec<(EventRow, Place)>,
    /// The events of the last minute by what makes them the same.
    recent: HashMap<u64, Recent>,
    /// Counts that are not on disk.
    ended: Vec<Recent>,
    /// The correlation ids of repeated refusals, with the event that stands for them.
    repeats: VecDeque<(Uuid, Place)>,
    callers: HashMap<ObjectId, Spent>,
    all: Spent,
}

/// Where an event stands in the log, once it does; 0 until then.
pub(super) type Place = Arc<AtomicI64>;

#[derive(Clone)]
struct Recent {
    begun: i64,
    place: Place,
    repeats: i64,
    /// How many of them are on disk, or on the way there.
    counted: i64,
    last_at: i64,
}

/// How much of a window's allowance is spent.
#[derive(Clone, Copy, Default)]
struct Spent {
    begun: i64,
    events: u32,
}

impl Spent {
    /// Spends one, if there is one left.
    fn spend(&mut self, now: i64, most: u32) -> bool {
        if is_over(self.begun, now) {
            *self = Spent { begun: now, events: 0 };
        }
        let left = self.events < most;
        self.events += u32::from(left);
        left
    }
}

/// Whether a window is over; one that begins in the future is, since the clock was set back.
fn is_over(begun: i64, now: i64) -> bool {
    !(begun..begun.saturating_add(WINDOW)).contains(&now)
}

/// What is written in one transaction.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: Vec<(EventRow, Place)>,
    /// Of an event on disk: how often it happened again, and when last.
    pub(super) counts: Vec<(Place, i64, i64)>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.counts.is_empty()
    }
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.ended.is_empty()
    }

    /// Takes an event: counts it to the same one of the last minute, or to the one of key `beyond` if the
    /// allowance is spent, or adds it. Answers whether there is more to write now.
    pub(super) fn take_in(&mut self, key: u64, beyond: u64, caller: ObjectId, event: EventRow) -> bool {
        let now = event.at;
        if let Some(place) = self.count_up(key, now) {
            if event.refused.is_some() {
                self.remember(event.correlation, place);
            }
            return false;
        }
        if self.may_add(caller, now) {
            self.add(key, event);
            return true;
        }
        if self.count_up(beyond, now).is_some() {
            return false;
        }
        self.add(beyond, beyond_allowance(event));
        true
    }

    /// The event that stands for a repetition with this correlation id, if it is remembered and on disk.
    pub(super) fn repeated(&self, correlation: Uuid) -> Option<i64> {
        let found = self.repeats.iter().rev().find(|(id, _)| *id == correlation)?;
        Some(found.1.load(Ordering::Acquire)).filter(|seq| *seq != 0)
    }

    fn count_up(&mut self, key: u64, now: i64) -> Option<Place> {
        let recent = self.recent.get_mut(&key).filter(|recent| !is_over(recent.begun, now))?;
        recent.repeats += 1;
        recent.last_at = now;
        Some(recent.place.clone())
    }

    fn remember(&mut self, correlation: Uuid, place: Place) {
        if self.repeats.len() >= MOST_REPEATS {
            self.repeats.pop_front();
        }
        self.repeats.push_back((correlation, place));
    }

    fn may_add(&mut self, caller: ObjectId, now: i64) -> bool {
        // Who did nothing for a minute needs no place here.
        if self.callers.len() >= MOST_OF_ALL as usize {
            self.callers.retain(|_, spent| !is_over(spent.begun, now));
        }
        let own = self.callers.entry(caller).or_default();
        own.spend(now, MOST_OF_CALLER) && self.all.spend(now, MOST_OF_ALL)
    }

    fn add(&mut self, key: u64, event: EventRow) {
        let now = event.at;
        if self.recent.len() >= 2 * MOST_OF_ALL as usize {
            let over: Vec<u64> =
                self.recent.iter().filter(|(_, r)| is_over(r.begun, now)).map(|(key, _)| *key).collect();
            for key in over {
                self.end(key);
            }
        }
        self.end(key);
        let place = Place::default();
        let recent = Recent { begun: now, place: place.clone(), repeats: 0, counted: 0, last_at: now };
        self.recent.insert(key, recent);
        self.queue.push((event, place));
    }

    /// Forgets a window; its count is still to be written.
    fn end(&mut self, key: u64) {
        if let Some(recent) = self.recent.remove(&key).filter(|recent| recent.repeats > recent.counted) {
            self.ended.push(recent);
        }
    }

    /// Marks all counts as to be written.
    pub(super) fn end_counts(&mut self) {
        for recent in self.recent.values_mut().filter(|recent| recent.repeats > recent.counted) {
            recent.counted = recent.repeats;
            self.ended.push(recent.clone());
        }
    }

    pub(super) fn take_batch(&mut self) -> Batch {
        let events: Vec<(EventRow, Place)> = self.queue.drain(..self.queue.len().min(BATCH)).collect();
        // A count follows its event: what is in the queue has no place as yet.
        let is_placed = |recent: &Recent| recent.place.load(Ordering::Acquire) != 0;
        let (placed, early): (Vec<Recent>, Vec<Recent>) =
            std::mem::take(&mut self.ended).into_iter().partition(is_placed);
        let counts: Vec<(Place, i64, i64)> =
            placed.into_iter().map(|recent| (recent.place, recent.repeats, recent.last_at)).collect();
        let batch = Batch { events, counts };
        // With nothing left to write, the events of the early ones could not be written.
        self.ended = if batch.is_empty() { Vec::new() } else { early };
        batch
    }
}

/// The event that stands for all that a caller asks for beyond its allowance, made of the first of them.
fn beyond_allowance(event: EventRow) -> EventRow {
    let mut doc: Value = serde_json::from_str(&event.doc).unwrap_or_default();
    if let Some(members) = doc.as_object_mut() {
        let text = "Further requests of this caller that changed nothing are counted here and not listed one by \
                    one: there were too many within a minute.";
        members.insert("description".to_owned(), text.into());
    }
    EventRow { doc: doc.to_string(), ..event }
}

#[cfg(test)]
mod tests {
    use gatepost_names::TenantId;

    use super::*;

    fn event(at: i64, correlation: u128) -> EventRow {
        EventRow {
            tenant: TenantId(Uuid::nil()),
            subscription: None,
            at,
            correlation: Uuid::from_u128(correlation),
            caller_key: String::new(),
            operation_key: String::new(),
            provider_key: String::new(),
            group_key: String::new(),
            resource_key: String::new(),
            succeeded: false,
            bounded: true,
            refused: None,
            doc: "{}".into(),
        }
    }

    const ANNA: ObjectId = ObjectId(Uuid::from_u128(1));
    const BERT: ObjectId = ObjectId(Uuid::from_u128(2));
    const BEYOND: u64 = u64::MAX;

    /// Writes all that waits; answers how many events and the counts.
    fn write(waiting: &mut Waiting, next: &mut i64) -> (usize, Vec<i64>) {
        let (mut events, mut counts) = (0, Vec::new());
        loop {
            let batch = waiting.take_batch();
            if batch.is_empty() {
                return (events, counts);
            }
            for (_, place) in &batch.events {
                *next += 1;
                place.store(*next, Ordering::Release);
            }
            events += batch.events.len();
            counts.extend(batch.counts.iter().map(|(_, repeats, _)| *repeats));
        }
    }

    #[test]
    fn the_same_within_a_minute_is_one_event() {
        let (mut waiting, mut next) = (Waiting::default(), 0);
        assert!(waiting.take_in(1, BEYOND, ANNA, event(0, 1)));
        for n in 1..1000 {
            assert!(!waiting.take_in(1, BEYOND, ANNA, event(n, 1)));
        }
        assert_eq!(write(&mut waiting, &mut next), (1, vec![]));
        waiting.end_counts();
        assert_eq!(write(&mut waiting, &mut next), (0, vec![999]));
        waiting.end_counts();
        assert!(waiting.is_empty(), "a count is written once");
        assert!(waiting.take_in(1, BEYOND, ANNA, event(WINDOW, 1)), "a minute later it is another event");
        assert!(waiting.take_in(1, BEYOND, ANNA, event(0, 1)), "so it is when the clock was set back");
    }

    #[test]
    fn a_count_waits_for_its_event() {
        let (mut waiting, mut next) = (Waiting::default(), 0);
        waiting.take_in(1, BEYOND, ANNA, event(0, 1));
        waiting.take_in(1, BEYOND, ANNA, event(1, 1));
        waiting.end_counts();
        assert_eq!(write(&mut waiting, &mut next), (1, vec![1]));
        assert!(waiting.is_empty());
    }

    #[test]
    fn a_flood_of_one_caller_leaves_room_for_others() {
        let (mut waiting, mut next) = (Waiting::default(), 0);
        for n in 0..100_000 {
            waiting.take_in(n, BEYOND, ANNA, event(5, 1));
        }
        assert!(waiting.take_in(1_000_000, BEYOND - 1, BERT, event(6, 1)));
        assert_eq!(write(&mut waiting, &mut next).0, MOST_OF_CALLER as usize + 2);
        assert!(waiting.recent.len() < 1000);
        waiting.end_counts();
        assert_eq!(write(&mut waiting, &mut next).1, [100_000 - i64::from(MOST_OF_CALLER) - 1]);
    }

    #[test]
    fn many_callers_together_are_bounded_too() {
        let (mut waiting, mut next) = (Waiting::default(), 0);
        for n in 0..10_000_u64 {
            let caller = ObjectId(Uuid::from_u128(u128::from(n % 100)));
            waiting.take_in(n, BEYOND - n % 100, caller, event(5, 1));
        }
        assert_eq!(write(&mut waiting, &mut next).0, MOST_OF_ALL as usize + 100);
    }

    #[test]
    fn a_repeated_refusal_is_found_by_its_own_correlation_id() {
        let (mut waiting, mut next) = (Waiting::default(), 0);
        let refused = |correlation| {
            let refused = gatepost_store::activity::RefusedAction {
                object_id: ANNA,
                client: String::new(),
                action: String::new(),
                scope: String::new(),
            };
            EventRow { refused: Some(refused), ..event(0, correlation) }
        };
        for n in 0..5 {
            waiting.take_in(1, BEYOND, ANNA, refused(n));
        }
        assert_eq!(waiting.repeated(Uuid::from_u128(3)), None, "not on disk yet");
        write(&mut waiting, &mut next);
        assert_eq!(waiting.repeated(Uuid::from_u128(3)), Some(1));
        assert_eq!(waiting.repeated(Uuid::from_u128(9)), None);
    }
}
