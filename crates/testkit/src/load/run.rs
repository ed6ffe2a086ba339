//! A run: many connections at a time until all messages are sent.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gatepost_smtp::client::Outgoing;
use rustls::ClientConfig;
use tokio::time::{Instant, sleep_until};

use super::session::Session;
use super::{Options, Quantiles, Report, mailbox, tls};

/// Failures that are told.
const TOLD: usize = 10;
/// After so many failures a worker gives up.
const PATIENCE: usize = 3;

/// Runs it.
///
/// # Errors
/// The trust file or the mailbox cannot be read. What goes wrong with messages is in the report.
pub async fn run(options: Options) -> io::Result<Report> {
    let run = Arc::new(Run {
        tls: tls::config(&options.trust)?,
        name: uuid::Uuid::new_v4().simple().to_string(),
        template: Template::new(&options),
        next: AtomicU64::new(0),
        begun: Instant::now(),
        options,
    });
    let workers: Vec<_> =
        (0..run.options.connections).map(|_| tokio::spawn(Arc::clone(&run).work())).collect();
    let mut all = Outcome::default();
    for worker in workers {
        all.add(worker.await.map_err(io::Error::other)?);
    }
    let ended = Instant::now();
    let seconds = (ended - run.begun).as_secs_f64();
    let accepted = all.end_of_data.len() as u64;
    let (mut delivered, mut delivery_lag) = (None, None);
    if let Some(mailbox) = &run.options.mailbox {
        let (found, last) = mailbox::wait_for(mailbox, &run.name, accepted, run.options.mailbox_wait).await?;
        delivered = Some(found);
        delivery_lag = Some(last.saturating_duration_since(ended).as_secs_f64());
    }
    all.failures.truncate(TOLD);
    Ok(Report {
        messages: run.options.messages,
        accepted,
        seconds,
        per_second: accepted as f64 / seconds.max(f64::MIN_POSITIVE),
        sessions: all.sessions.len() as u64,
        session: Quantiles::of(&mut all.sessions),
        end_of_data: Quantiles::of(&mut all.end_of_data),
        delivered,
        delivery_lag,
        failures: all.failures,
    })
}

struct Run {
    options: Options,
    tls: Arc<ClientConfig>,
    /// Tells this run's messages from others.
    name: String,
    template: Template,
    next: AtomicU64,
    begun: Instant,
}

#[derive(Default)]
struct Outcome {
    sessions: Vec<Duration>,
    end_of_data: Vec<Duration>,
    failures: Vec<String>,
}

impl Outcome {
    fn add(&mut self, other: Outcome) {
        self.sessions.extend(other.sessions);
        self.end_of_data.extend(other.end_of_data);
        self.failures.extend(other.failures);
    }
}

impl Run {
    async fn work(self: Arc<Self>) -> Outcome {
        let mut outcome = Outcome::default();
        loop {
            let wanted = self.options.per_connection.max(1);
            let first = self.next.fetch_add(wanted, Ordering::Relaxed);
            let numbers = first..(first + wanted).min(self.options.messages);
            if numbers.is_empty() {
                return outcome;
            }
            if self.options.rate.is_some() {
                // The connection is opened when its first message is due.
                self.wait_until_due(first).await;
            }
            let opened = Instant::now();
            match self.send_batch(numbers, &mut outcome).await {
                Ok(()) => outcome.sessions.push(opened.elapsed()),
                Err(error) => outcome.failures.push(error.to_string()),
            }
            if outcome.failures.len() >= PATIENCE {
                return outcome;
            }
        }
    }

    async fn send_batch(&self, numbers: std::ops::Range<u64>, outcome: &mut Outcome) -> io::Result<()> {
        let options = &self.options;
        let mut session = Session::open(options, &self.tls).await?;
        let recipients: Vec<&str> = options.to.iter().map(String::as_str).collect();
        let mut content = Vec::with_capacity(options.size + 512);
        for number in numbers {
            self.wait_until_due(number).await;
            self.template.fill(&self.name, number, &mut content);
            let sent = session
                .send(Outgoing { reverse_path: &options.from, recipients: &recipients, content: &content })
                .await?;
            outcome.end_of_data.push(sent.replied - sent.end_of_data);
        }
        session.close().await
    }

    /// With a rate, each message has its time, whether or not those before it are done. Connections take turns
    /// in batches, so a batch's messages are due as far apart as there are connections.
    async fn wait_until_due(&self, number: u64) {
        if let Some(rate) = self.options.rate {
            let per_connection = self.options.per_connection.max(1);
            let connections = self.options.connections.max(1) as u64;
            let (batch, place) = (number / per_connection, number % per_connection);
            let (turn, worker) = (batch / connections, batch % connections);
            let order = (turn * per_connection + place) * connections + worker;
            sleep_until(self.begun + Duration::from_secs_f64(order as f64 / rate)).await;
        }
    }
}

/// A message but for its number.
struct Template {
    head: String,
    body: Vec<u8>,
    size: usize,
}

impl Template {
    fn new(options: &Options) -> Template {
        let to = options.to.join(", ");
        let head = format!("From: {}\r\nTo: {to}\r\nSubject: load\r\n", options.from);
        let line = "The quick brown fox jumps over the lazy dog and back, once more and again.\r\n";
        let body = line.as_bytes().iter().copied().cycle().take(options.size).collect();
        Template { head, body, size: options.size }
    }

    /// The message with this number, of the size that was asked for or a few octets more.
    fn fill(&self, run: &str, number: u64, content: &mut Vec<u8>) {
        content.clear();
        content.extend_from_slice(self.head.as_bytes());
        let field = mailbox::FIELD;
        content.extend_from_slice(
            format!("Message-ID: <{run}.{number}@load.test>\r\n{field}: {run}-{number}\r\n\r\n").as_bytes(),
        );
        let left = self.size.saturating_sub(content.len() + 2);
        let body = self.body.get(..left).unwrap_or_default();
        content.extend_from_slice(body.strip_suffix(b"\r").unwrap_or(body));
        if !content.ends_with(b"\r\n") {
            content.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Security, Trust};
    use gatepost_smtp::client::Authentication;

    #[test]
    fn messages_have_the_size_that_was_asked_for() {
        for size in [1_000, 4_096, 4_097, 4_100, 4_101, 100_000] {
            let options = Options {
                server: "127.0.0.1:1".parse().unwrap(),
                server_name: "localhost".into(),
                security: Security::None,
                trust: Trust::Anything,
                authentication: Authentication::None,
                connections: 1,
                messages: 1,
                per_connection: 1,
                size,
                from: "a@b".into(),
                to: vec!["c@d".into()],
                pipelining: true,
                rate: None,
                mailbox: None,
                mailbox_wait: Duration::ZERO,
            };
            let mut content = Vec::new();
            Template::new(&options).fill("run", 7, &mut content);
            assert!((size - 2..=size).contains(&content.len()), "{size}: {}", content.len());
            assert!(content.ends_with(b"\r\n"));
            assert!(!content.windows(2).any(|two| two[0] == b'\r' && two[1] != b'\n'));
        }
    }
}
