//! The spool journal: what was acknowledged is there after any crash, and nothing else is.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gatepost_store::queue::Envelope;
use gatepost_store::spool::{AppendError, Place, Position, Settings, Spool, Written};
use uuid::Uuid;

const SMALL: Settings = Settings { segment_bytes: 16 * 1024, spares: 2, max_bytes: u64::MAX };

fn envelope(number: u32) -> Envelope {
    Envelope {
        id: gatepost_names::MessageId(Uuid::from_u128(number.into())),
        accepted_at: 1_700_000_000_000_000,
        service: "/subscriptions/a/resourceGroups/b".to_owned(),
        app_id: gatepost_names::ApplicationId(Uuid::from_u128(1)),
        object_id: gatepost_names::ObjectId(Uuid::from_u128(2)),
        username: "mailer".to_owned(),
        reverse_path: None,
        recipients: vec!["a@b.example".to_owned()],
        internet_message_id: format!("<{number}@localhost>"),
        client: "::1".to_owned(),
        size: 0,
    }
}

fn body(number: u32, bytes: usize) -> Vec<Bytes> {
    let whole = Bytes::from(format!("{number}:{}", "x".repeat(bytes)));
    vec![whole.slice(..1), whole.slice(1..)]
}

struct Opened {
    spool: Spool,
    replayed: Vec<Written>,
    committed: Arc<Mutex<Vec<Written>>>,
}

fn open(folder: &Path, settings: Settings, indexed: Position) -> Opened {
    let mut replayed = Vec::new();
    let spool = Spool::open(folder, settings, indexed, |written| {
        replayed.push(written);
        Ok(())
    })
    .unwrap();
    let committed = Arc::new(Mutex::new(Vec::new()));
    let sink = committed.clone();
    spool.start(move |written| sink.lock().unwrap().extend(written)).unwrap();
    Opened { spool, replayed, committed }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn append(spool: &Spool, number: u32, bytes: usize) -> Result<Place, AppendError> {
    runtime().block_on(spool.append(envelope(number), body(number, bytes)))
}

fn numbers(written: &[Written]) -> Vec<u128> {
    written.iter().map(|written| written.envelope.id.0.as_u128()).collect()
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

fn files(folder: &Path, kind: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == kind))
        .collect();
    found.sort();
    found
}

#[test]
fn what_was_appended_is_read_back_and_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), SMALL, Position::default());
    let places: Vec<Place> = (1..=5).map(|n| append(&first.spool, n, 100).unwrap()).collect();
    for (number, place) in (1..).zip(&places) {
        let frame = first.spool.read(*place).unwrap();
        assert_eq!(Envelope::decode(&frame.envelope).unwrap(), envelope(number));
        assert_eq!(frame.message, body(number, 100).concat());
    }
    first.spool.stop();
    assert_eq!(append(&first.spool, 6, 1), Err(AppendError::Closed));
    let committed = first.committed.lock().unwrap().clone();
    assert_eq!(numbers(&committed), [1, 2, 3, 4, 5]);

    let again = open(dir.path(), SMALL, Position::default());
    assert_eq!(again.replayed, committed);
    let from_the_middle = open(dir.path(), SMALL, committed[2].end);
    assert_eq!(numbers(&from_the_middle.replayed), [4, 5]);
    append(&again.spool, 6, 100).unwrap();
    again.spool.stop();
    assert_eq!(numbers(&open(dir.path(), SMALL, committed[3].end).replayed), [5, 6]);
}

#[test]
fn a_torn_tail_is_never_read() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), SMALL, Position::default());
    (1..=3).for_each(|n| assert!(append(&opened.spool, n, 40).is_ok()));
    opened.spool.stop();
    let written = opened.committed.lock().unwrap().clone();
    let (from, to) = (written[1].end.offset, written[2].place.offset + written[2].place.length);
    let name = files(dir.path(), "journal").pop().unwrap();
    for at in from..to {
        // The crash left only what is before `at`; in one copy the file ends there, in the other there is what
        // was on disk before.
        for cut in [true, false] {
            let crashed = copy(dir.path());
            let file =
                OpenOptions::new().write(true).open(crashed.path().join(name.file_name().unwrap())).unwrap();
            if cut {
                file.set_len(at).unwrap();
            } else {
                file.write_all_at(&vec![0; usize::try_from(to - at).unwrap()], at).unwrap();
            }
            let after = open(crashed.path(), SMALL, Position::default());
            assert_eq!(numbers(&after.replayed), [1, 2], "{at}");
            // Flushes take their time: the next life is tried at some of the cuts.
            if at % 16 == 0 {
                append(&after.spool, 4, 10).unwrap();
                after.spool.stop();
                assert_eq!(numbers(&open(crashed.path(), SMALL, Position::default()).replayed), [1, 2, 4]);
            }
            after.spool.stop();
        }
    }
}

#[test]
fn one_wrong_bit_ends_the_journal_and_is_seen_when_read() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), SMALL, Position::default());
    (1..=2).for_each(|n| assert!(append(&opened.spool, n, 40).is_ok()));
    opened.spool.stop();
    let written = opened.committed.lock().unwrap().clone();
    let name = files(dir.path(), "journal").pop().unwrap();
    let place = written[1].place;
    for at in place.offset..place.offset + place.length {
        let crashed = copy(dir.path());
        let path = crashed.path().join(name.file_name().unwrap());
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 4], at).unwrap();
        let after = open(crashed.path(), SMALL, Position::default());
        assert_eq!(numbers(&after.replayed), [1], "{at}");
        assert!(after.spool.read(place).is_err(), "{at}");
        after.spool.stop();
    }
}

#[test]
fn frames_of_an_overwritten_append_do_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), SMALL, Position::default());
    (1..=3).for_each(|n| assert!(append(&opened.spool, n, 40).is_ok()));
    opened.spool.stop();
    let first_end = opened.committed.lock().unwrap()[0].end;
    // As if 2 and 3 had never been acknowledged, and the next start had gone on behind 1: a frame as long as 2
    // takes its place, so that 3 stands exactly where a next frame would begin.
    let name = files(dir.path(), "journal").pop().unwrap();
    let path = dir.path().join(name.file_name().unwrap());
    let whole = std::fs::read(&path).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[0; 40], first_end.offset).unwrap();
    let after = open(dir.path(), SMALL, Position::default());
    let place = append(&after.spool, 9, 40).unwrap();
    after.spool.stop();
    let third = place.offset + place.length.next_multiple_of(8);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&whole[usize::try_from(third).unwrap()..], third).unwrap();
    assert_eq!(numbers(&open(dir.path(), SMALL, Position::default()).replayed), [1, 9]);
}

#[test]
fn segments_that_nobody_needs_are_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), SMALL, Position::default());
    let mut end = Position::default();
    for number in 0..100 {
        let place = append(&opened.spool, number, 4000).unwrap();
        end = opened.committed.lock().unwrap().last().unwrap().end;
        opened.spool.note_indexed(end, [place.segment]);
        opened.spool.note_finished([place.segment]);
        opened.spool.tend().unwrap();
    }
    let in_use = files(dir.path(), "journal");
    assert!(in_use.len() <= 2, "{in_use:?}");
    assert!(!files(dir.path(), "spare").is_empty());
    assert!(end.segment > 20);
    assert!(opened.spool.bytes() <= 6 * SMALL.segment_bytes, "{}", opened.spool.bytes());
    opened.spool.stop();
    let again = open(dir.path(), SMALL, end);
    assert_eq!(again.replayed, []);
    assert!(append(&again.spool, 1000, 10).unwrap().segment >= end.segment);
}

#[test]
fn a_segment_with_an_unfinished_message_stays() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), SMALL, Position::default());
    let kept = append(&opened.spool, 0, 100).unwrap();
    opened.spool.note_indexed(Position { segment: kept.segment, ..Position::default() }, [kept.segment]);
    for number in 1..40 {
        let place = append(&opened.spool, number, 4000).unwrap();
        let end = opened.committed.lock().unwrap().last().unwrap().end;
        opened.spool.note_indexed(end, [place.segment]);
        opened.spool.note_finished([place.segment]);
        opened.spool.tend().unwrap();
    }
    assert_eq!(opened.spool.read(kept).unwrap().message, body(0, 100).concat());
    opened.spool.note_finished([kept.segment]);
    opened.spool.tend().unwrap();
    assert!(opened.spool.read(kept).is_err());
    opened.spool.stop();
}

#[test]
fn a_full_spool_refuses_and_goes_on_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let limited = Settings { max_bytes: 2 * SMALL.segment_bytes, ..SMALL };
    let opened = open(dir.path(), limited, Position::default());
    let mut accepted = Vec::new();
    for number in 0..20 {
        match append(&opened.spool, number, 4000) {
            Ok(_) => accepted.push(u128::from(number)),
            Err(error) => assert_eq!(error, AppendError::Full),
        }
    }
    assert!((4..8).contains(&accepted.len()), "{accepted:?}");
    // A small one still fits into what is left of the segment.
    append(&opened.spool, 100, 10).unwrap();
    accepted.push(100);
    opened.spool.limit(u64::MAX);
    append(&opened.spool, 101, 4000).unwrap();
    accepted.push(101);
    opened.spool.stop();
    assert_eq!(numbers(&open(dir.path(), SMALL, Position::default()).replayed), accepted);
}

#[test]
fn a_message_larger_than_a_segment_has_one_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), SMALL, Position::default());
    append(&opened.spool, 1, 10).unwrap();
    let place = append(&opened.spool, 2, 100_000).unwrap();
    append(&opened.spool, 3, 10).unwrap();
    assert_eq!(opened.spool.read(place).unwrap().message, body(2, 100_000).concat());
    opened.spool.stop();
    assert_eq!(numbers(&open(dir.path(), SMALL, Position::default()).replayed), [1, 2, 3]);
}

#[test]
fn many_callers_share_a_flush_and_each_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), Settings { segment_bytes: 256 * 1024, ..SMALL }, Position::default());
    let spool = opened.spool.clone();
    let mut places = runtime().block_on(async move {
        let tasks: Vec<_> = (0..64)
            .map(|caller| {
                let spool = spool.clone();
                tokio::spawn(async move {
                    let mut places = Vec::new();
                    for turn in 0..10 {
                        let number = caller * 100 + turn;
                        places.push(spool.append(envelope(number), body(number, 500)).await.unwrap());
                    }
                    places
                })
            })
            .collect();
        let mut places = Vec::new();
        for task in tasks {
            places.extend(task.await.unwrap());
        }
        places
    });
    opened.spool.stop();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), 640);
    let committed: Vec<Place> = opened.committed.lock().unwrap().iter().map(|w| w.place).collect();
    assert_eq!(committed, places, "in the journal's order");
    assert_eq!(open(dir.path(), SMALL, Position::default()).replayed.len(), 640);
}

#[test]
fn an_append_that_waits_when_nothing_writes_is_refused_at_the_stop() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), SMALL, Position::default(), |_| Ok(())).unwrap();
    let refused = runtime().block_on(async {
        let waiting = tokio::spawn({
            let spool = spool.clone();
            async move { spool.append(envelope(1), body(1, 1)).await }
        });
        tokio::task::yield_now().await;
        spool.stop();
        waiting.await.unwrap()
    });
    assert_eq!(refused, Err(AppendError::Closed));
}
