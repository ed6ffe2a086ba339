//! Finding the messages of a run in a Maildir.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The field that tells a run's messages apart.
pub(super) const FIELD: &str = "X-Load-Id";
/// Octets of a message in which the field is looked for.
const HEAD: u64 = 16 * 1024;
const POLL: Duration = Duration::from_millis(20);

/// Waits until `count` messages of the run are in the mailbox, and gives how many there are when they are, or
/// when `wait` is over, and when the last was found.
pub(super) async fn wait_for(
    mailbox: &Path,
    run: &str,
    count: u64,
    wait: Duration,
) -> io::Result<(u64, Instant)> {
    let (begun, mut last) = (Instant::now(), Instant::now());
    let (mut looked_at, mut found) = (HashSet::new(), HashSet::new());
    loop {
        let before = found.len();
        for folder in ["new", "cur"] {
            look(&mailbox.join(folder), run, &mut looked_at, &mut found)?;
        }
        if found.len() > before {
            last = Instant::now();
        }
        if found.len() as u64 >= count || begun.elapsed() > wait {
            return Ok((found.len() as u64, last));
        }
        sleep(POLL).await;
    }
}

fn look(
    folder: &Path,
    run: &str,
    looked_at: &mut HashSet<OsString>,
    found: &mut HashSet<String>,
) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if looked_at.contains(&entry.file_name()) {
            continue;
        }
        let mut head = Vec::new();
        File::open(entry.path())?.take(HEAD).read_to_end(&mut head)?;
        looked_at.insert(entry.file_name());
        if let Some(number) = number_of(&String::from_utf8_lossy(&head), run) {
            found.insert(number.to_owned());
        }
    }
    Ok(())
}

/// The number of a message of this run.
fn number_of<'a>(head: &'a str, run: &str) -> Option<&'a str> {
    head.lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| line.strip_prefix(FIELD)?.strip_prefix(": ")?.strip_prefix(run)?.strip_prefix('-'))
        .map(str::trim_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_belongs_to_one_run() {
        let head = "Received: x\r\nX-Load-Id: r1-17\r\n\r\nX-Load-Id: r1-18\r\n";
        assert_eq!(number_of(head, "r1"), Some("17"));
        assert_eq!(number_of(head, "r"), None);
        assert_eq!(number_of("Subject: x\r\n\r\nX-Load-Id: r1-18\r\n", "r1"), None);
    }
}
