//! The whole way of a message through the service, and what crashes and full disks do to it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gatepost_clock::{Clock, from_micros};
use gatepost_delivery::{
    AcceptError, Content, Delivery, EventKind, Filter, RecipientState, Settings, Submission,
};
use gatepost_names::{EmailAddress, MessageId, ResourceId};
use gatepost_store::Store;
use gatepost_store::spool;

const SERVICE: &str = "/subscriptions/a1b2c3d4-0000-4000-8000-000000000001/resourceGroups/rg/providers/\
    Microsoft.Communication/communicationServices/acs";

fn clock() -> Clock {
    Clock::fixed(from_micros(1_700_000_000_000_000))
}

fn settings(folder: &Path, hold: bool) -> Settings {
    let journal = spool::Settings { segment_bytes: 64 * 1024, ..spool::Settings::default() };
    Settings { hold, journal, ..Settings::in_folder(folder) }
}

fn open(folder: &Path, settings: Settings, clock: &Clock) -> Delivery {
    let store = Store::open(&folder.join("gatepost.db")).unwrap();
    Delivery::open(store, clock.clone(), settings).unwrap()
}

fn started(folder: &Path, hold: bool) -> Delivery {
    let delivery = open(folder, settings(folder, hold), &clock());
    delivery.start().unwrap();
    delivery
}

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

fn submission(delivery: &Delivery, body: &str) -> Submission {
    Submission {
        id: delivery.new_id(),
        service: ResourceId::parse(SERVICE).unwrap(),
        app_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
        object_id: "66666666-2222-4333-8444-555555555555".parse().unwrap(),
        username: "mailer".to_owned(),
        reverse_path: Some(address("noreply@contoso.example")),
        recipients: vec![address("a@fabrikam.example"), address("b@fabrikam.example")],
        message: Content::from(format!("From: noreply@contoso.example\r\n\r\n{body}\r\n").into_bytes()),
        internet_message_id: "<x@localhost>".to_owned(),
        client: "127.0.0.1".parse().unwrap(),
    }
}

fn accept(delivery: &Delivery, body: &str) -> Result<MessageId, AcceptError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(delivery.accept(submission(delivery, body)))
}

/// Until each accepted message has its rows.
fn wait_for_rows(delivery: &Delivery, messages: usize) {
    while delivery.list(&Filter { limit: messages, ..Filter::default() }).unwrap().len() < messages {
        std::thread::yield_now();
    }
}

fn wait_until_empty(delivery: &Delivery, messages: usize) {
    wait_for_rows(delivery, messages);
    while delivery.counted().queued > 0 {
        std::thread::yield_now();
    }
}

fn mailbox(folder: &Path) -> Vec<String> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder.join("mailbox/new")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn check(delivery: &Delivery) {
    assert_eq!(delivery.verify(), Vec::<String>::new());
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn an_accepted_message_comes_to_the_mailbox_with_its_envelope() {
    let dir = tempfile::tempdir().unwrap();
    let delivery = started(dir.path(), false);
    let id = accept(&delivery, "Hello").unwrap();
    wait_until_empty(&delivery, 1);
    assert_eq!(
        mailbox(dir.path()),
        [format!(
            "Return-Path: <noreply@contoso.example>\r\nDelivered-To: a@fabrikam.example\r\n\
             Delivered-To: b@fabrikam.example\r\nX-Gatepost-Message-Id: {id}\r\n\
             From: noreply@contoso.example\r\n\r\nHello\r\n"
        )]
    );
    let trace = delivery.show(id).unwrap().unwrap();
    assert!(trace.recipients.iter().all(|r| r.state == RecipientState::Delivered && r.attempts == 1));
    assert_eq!(
        trace.events.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [EventKind::Accepted, EventKind::Delivered]
    );
    assert_eq!(delivery.scope_of(id).unwrap().as_deref(), Some(SERVICE));
    let counted = delivery.counted();
    assert_eq!((counted.accepted, counted.delivered, counted.queued), (1, 2, 0));
    assert_eq!(std::fs::read_dir(dir.path().join("mailbox/tmp")).unwrap().count(), 0);
    check(&delivery);
    delivery.stop();
    assert!(matches!(accept(&delivery, "late"), Err(AcceptError::Stopped)));
}

#[test]
fn a_stop_finishes_what_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let delivery = started(dir.path(), false);
    for number in 0..20 {
        accept(&delivery, &format!("number {number}")).unwrap();
    }
    delivery.stop();
    assert_eq!(mailbox(dir.path()).len(), 20);
}

#[test]
fn a_held_queue_accepts_and_a_restart_delivers() {
    let dir = tempfile::tempdir().unwrap();
    let first = started(dir.path(), true);
    for number in 0..20 {
        accept(&first, &format!("number {number}")).unwrap();
    }
    first.stop();
    assert_eq!(mailbox(dir.path()).len(), 0);
    let second = open(dir.path(), settings(dir.path(), true), &clock());
    assert_eq!(second.counted().queued, 40);
    check(&second);
    second.start().unwrap();
    second.hold_queue(false);
    wait_until_empty(&second, 20);
    assert_eq!(mailbox(dir.path()).len(), 20);
    second.stop();
    check(&second);
}

#[test]
fn messages_without_rows_are_read_from_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let first = started(dir.path(), true);
    let accepted: BTreeSet<MessageId> =
        (0..1200).map(|number| accept(&first, &number.to_string()).unwrap()).collect();
    first.stop();
    // As if the process had died before a single row was written.
    let crashed = tempfile::tempdir().unwrap();
    copy(&dir.path().join("spool"), &crashed.path().join("spool"));
    let second = open(crashed.path(), settings(crashed.path(), true), &clock());
    let listed = second.list(&Filter { limit: 2000, ..Filter::default() }).unwrap();
    assert_eq!(listed.iter().map(|summary| summary.id).collect::<BTreeSet<_>>(), accepted);
    check(&second);
    drop(second);
    let third = started(crashed.path(), false);
    wait_until_empty(&third, 1200);
    third.stop();
    assert_eq!(mailbox(crashed.path()).len(), 1200);
    check(&third);
}

#[test]
fn a_message_delivered_again_after_a_crash_takes_the_place_of_its_first_copy() {
    let dir = tempfile::tempdir().unwrap();
    let first = started(dir.path(), true);
    accept(&first, "once").unwrap();
    first.stop();
    let before = tempfile::tempdir().unwrap();
    copy(&dir.path().join("spool"), &before.path().join("spool"));
    drop(first);
    for folder in [dir.path(), before.path()] {
        let mut settings = settings(folder, false);
        settings.mailbox = dir.path().join("mailbox");
        let delivery = open(folder, settings, &clock());
        assert_eq!(delivery.deliver_due().unwrap(), 1);
    }
    assert_eq!(mailbox(dir.path()).len(), 1);
}

#[test]
fn a_mailbox_that_cannot_be_written_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let delivery = open(dir.path(), settings(dir.path(), true), &clock);
    delivery.start().unwrap();
    let id = accept(&delivery, "patient").unwrap();
    wait_for_rows(&delivery, 1);
    let tmp = dir.path().join("mailbox/tmp");
    std::fs::remove_dir(&tmp).unwrap();
    assert_eq!(delivery.deliver_due().unwrap(), 1);
    let trace = delivery.show(id).unwrap().unwrap();
    assert_eq!(trace.recipients[0].state, RecipientState::Queued);
    assert_eq!(trace.events[1].kind, EventKind::Deferred);
    assert_eq!(trace.recipients[0].due_at - clock.micros(), 60_000_000);
    assert_eq!(delivery.deliver_due().unwrap(), 0, "not due yet");
    clock.advance(Duration::from_secs(60));
    assert_eq!(delivery.deliver_due().unwrap(), 1);
    assert_eq!(delivery.deliver_due().unwrap(), 0);
    std::fs::create_dir(&tmp).unwrap();
    assert_eq!(delivery.retry(id, "an operator").unwrap(), 2);
    assert_eq!(delivery.deliver_due().unwrap(), 1);
    assert_eq!(mailbox(dir.path()).len(), 1);
    assert_eq!(delivery.show(id).unwrap().unwrap().recipients[0].attempts, 3);
    check(&delivery);
    delivery.stop();
}

#[test]
fn a_full_spool_refuses_and_accepts_again_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let mut limited = settings(dir.path(), true);
    limited.journal.max_bytes = limited.journal.segment_bytes;
    let delivery = open(dir.path(), limited, &clock());
    delivery.start().unwrap();
    let body = "x".repeat(10_000);
    let accepted = (0..20).take_while(|_| accept(&delivery, &body).is_ok()).count();
    assert!((4..7).contains(&accepted), "{accepted}");
    assert!(matches!(accept(&delivery, &body), Err(AcceptError::Full)));
    delivery.spool().limit(u64::MAX);
    accept(&delivery, &body).unwrap();
    delivery.hold_queue(false);
    wait_until_empty(&delivery, accepted + 1);
    assert_eq!(mailbox(dir.path()).len(), accepted + 1);
    delivery.stop();
    check(&delivery);
}

#[test]
fn segments_are_used_again_while_messages_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let delivery = started(dir.path(), false);
    let body = "x".repeat(20_000);
    for number in 0..60 {
        accept(&delivery, &body).unwrap();
        wait_until_empty(&delivery, number + 1);
    }
    assert!(delivery.counted().spool_bytes <= 8 * 64 * 1024, "{:?}", delivery.counted());
    delivery.stop();
    check(&delivery);
    assert_eq!(mailbox(dir.path()).len(), 60);
}

#[test]
fn a_damaged_frame_is_named_and_its_message_held() {
    let dir = tempfile::tempdir().unwrap();
    let delivery = started(dir.path(), true);
    let id = accept(&delivery, "to be damaged").unwrap();
    wait_for_rows(&delivery, 1);
    check(&delivery);
    let segment = std::fs::read_dir(dir.path().join("spool")).unwrap().next().unwrap().unwrap().path();
    std::fs::OpenOptions::new().write(true).open(segment).unwrap().write_all_at(b"!", 100).unwrap();
    assert_eq!(delivery.verify().len(), 1);
    assert_eq!(delivery.deliver_due().unwrap(), 1);
    assert_eq!(delivery.show(id).unwrap().unwrap().recipients[0].state, RecipientState::Held);
    assert_eq!(delivery.drop(id, "an operator").unwrap(), 2);
    check(&delivery);
    delivery.stop();
}

#[test]
fn a_spool_that_cannot_be_read_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let first = started(dir.path(), true);
    let body = "x".repeat(25_000);
    let ids: Vec<MessageId> = (0..3).map(|_| accept(&first, &body).unwrap()).collect();
    wait_for_rows(&first, 3);
    first.stop();
    drop(first);
    let clock = clock();
    let delivery = open(dir.path(), settings(dir.path(), true), &clock);
    // The first segment holds two of them. A folder in its place cannot be opened, but it is there.
    let entries = std::fs::read_dir(dir.path().join("spool")).unwrap();
    let segment = entries.map(|entry| entry.unwrap().path()).min().unwrap();
    let aside = dir.path().join("aside");
    std::fs::rename(&segment, &aside).unwrap();
    std::fs::create_dir(&segment).unwrap();
    assert_eq!(delivery.deliver_due().unwrap(), 3);
    assert_eq!(mailbox(dir.path()).len(), 1);
    let recipient = |id| delivery.show(id).unwrap().unwrap().recipients[0].clone();
    assert_eq!(recipient(ids[0]).state, RecipientState::Queued);
    assert_eq!(recipient(ids[0]).due_at - clock.micros(), 60_000_000);
    std::fs::remove_dir(&segment).unwrap();
    std::fs::rename(&aside, &segment).unwrap();
    clock.advance(Duration::from_secs(60));
    assert_eq!(delivery.deliver_due().unwrap(), 2);
    assert_eq!(mailbox(dir.path()).len(), 3);
    assert_eq!(recipient(ids[0]).state, RecipientState::Delivered);
    check(&delivery);
}

#[test]
fn many_at_once_are_all_accepted_and_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let delivery = started(dir.path(), false);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let accepted = runtime.block_on(async {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let delivery = delivery.clone();
                tokio::spawn(async move {
                    let mut ids = Vec::new();
                    for _ in 0..5 {
                        ids.push(delivery.accept(submission(&delivery, "crowd")).await.unwrap());
                    }
                    ids
                })
            })
            .collect();
        let mut ids = BTreeSet::new();
        for task in tasks {
            ids.extend(task.await.unwrap());
        }
        ids
    });
    assert_eq!(accepted.len(), 320);
    wait_until_empty(&delivery, 320);
    delivery.stop();
    assert_eq!(mailbox(dir.path()).len(), 320);
    check(&delivery);
}

#[test]
fn old_traces_end() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let delivery = open(dir.path(), settings(dir.path(), false), &clock);
    delivery.start().unwrap();
    let id = accept(&delivery, "old").unwrap();
    wait_until_empty(&delivery, 1);
    clock.advance(Duration::from_secs(29 * 24 * 3600));
    assert_eq!(delivery.expire().unwrap(), 0);
    clock.advance(Duration::from_secs(2 * 24 * 3600));
    assert_eq!(delivery.expire().unwrap(), 1);
    assert!(delivery.show(id).unwrap().is_none());
    delivery.stop();
}
