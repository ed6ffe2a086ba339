//! Measures how many messages a second are accepted, and what each costs in CPU time by thread.
//!
//! `cargo run --release -p gatepost-delivery --example accept -- [CALLERS] [BYTES] [MESSAGES] [FOLDER] [capture]`

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring program")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gatepost_clock::Clock;
use gatepost_delivery::{Content, Delivery, Settings, Submission};
use gatepost_names::ResourceId;
use gatepost_store::Store;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise: usize| {
        arguments.get(at).and_then(|text| text.parse::<usize>().ok()).unwrap_or(otherwise)
    };
    let (callers, bytes, messages) = (number(0, 10), number(1, 4096), number(2, 50_000));
    let folder = arguments.get(3).map_or_else(std::env::temp_dir, PathBuf::from);
    let hold = arguments.get(4).is_none_or(|word| word != "capture");
    let folder = folder.join(format!("accept-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let store = Store::open(&folder.join("gatepost.db")).unwrap();
    let settings = Settings { hold, ..Settings::in_folder(&folder) };
    let delivery = Delivery::open(store, Clock::system(), settings).unwrap();
    delivery.start().unwrap();

    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("callers").build().unwrap();
    let before = cpu_by_thread();
    let begun = Instant::now();
    let mut waits: Vec<Duration> = runtime.block_on(async {
        let tasks: Vec<_> =
            (0..callers).map(|_| tokio::spawn(call(delivery.clone(), messages / callers, bytes))).collect();
        let mut waits = Vec::new();
        for task in tasks {
            waits.extend(task.await.unwrap());
        }
        waits
    });
    let took = begun.elapsed();
    while delivery.counted().behind > 0 || (!hold && delivery.counted().queued > 0) {
        std::thread::yield_now();
    }
    let settled = begun.elapsed();
    let count = waits.len();
    waits.sort_unstable();
    let at = |share: f64| waits.get((count as f64 * share) as usize).copied().unwrap_or_default();
    println!("{count} messages of {bytes} bytes, {callers} callers, held: {hold}");
    println!("accepted {:.0}/s, settled {:.0}/s", rate(count, took), rate(count, settled));
    println!("wait p50 {:?} p95 {:?} p99 {:?}", at(0.5), at(0.95), at(0.99));
    println!("{:?}", delivery.counted());
    for (thread, nanos) in cpu_by_thread() {
        let used = nanos - before.get(&thread).copied().unwrap_or(0).min(nanos);
        println!("{thread:>16} {:8.2} µs CPU a message", used as f64 / 1000.0 / count as f64);
    }
    delivery.stop();
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn call(delivery: Delivery, messages: usize, bytes: usize) -> Vec<Duration> {
    let service = "/subscriptions/a1b2c3d4-0000-4000-8000-000000000001/resourceGroups/rg-mail/providers/\
                   Microsoft.Communication/communicationServices/acs-mail";
    let body = bytes::Bytes::from(vec![b'x'; bytes]);
    let mut waits = Vec::with_capacity(messages);
    for _ in 0..messages {
        let id = delivery.new_id();
        let submission = Submission {
            id,
            service: ResourceId::parse(service).unwrap(),
            app_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            object_id: "66666666-2222-4333-8444-555555555555".parse().unwrap(),
            username: "mailer".to_owned(),
            reverse_path: Some("noreply@contoso.example".parse().unwrap()),
            recipients: vec!["someone@fabrikam.example".parse().unwrap()],
            message: Content::from(body.clone()),
            internet_message_id: format!("<{id}@localhost>"),
            client: "127.0.0.1".parse().unwrap(),
        };
        let begun = Instant::now();
        delivery.accept(submission).await.unwrap();
        waits.push(begun.elapsed());
    }
    waits
}

fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Nanoseconds that each thread of this process has run, by the thread's name.
fn cpu_by_thread() -> BTreeMap<String, u64> {
    let mut used = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        let schedstat = std::fs::read_to_string(task.join("schedstat")).unwrap_or_default();
        let nanos: u64 = schedstat.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        *used.entry(name.trim().to_owned()).or_default() += nanos;
    }
    used
}
