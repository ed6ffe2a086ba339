//! A Maildir: each message a file, written in `tmp/`, flushed, then moved to `new/`.
//!
//! Many files share one flush of the file system. A file's name follows from the message, so a message that is
//! delivered again after a crash takes the place of its first copy. Lines keep the CRLF with which they came:
//! what was submitted is kept to the octet.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A Maildir that is there.
#[derive(Debug)]
pub struct Maildir {
    root: PathBuf,
}

impl Maildir {
    /// Opens a Maildir; makes it where there is none, for this user only.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(root: &Path) -> io::Result<Maildir> {
        for folder in ["tmp", "new", "cur"] {
            DirBuilder::new().recursive(true).mode(0o700).create(root.join(folder))?;
        }
        Ok(Maildir { root: root.to_owned() })
    }

    /// The name of a message's file: `<seconds>.<unique>.<host>`.
    pub fn name(accepted_at: i64, unique: &str) -> String {
        format!("{}.{unique}.gatepost", accepted_at.div_euclid(1_000_000))
    }

    /// Writes a file to `tmp/`. It is not flushed yet.
    ///
    /// # Errors
    /// The file system's; what was written of the file is removed.
    pub fn write(&self, name: &str, pieces: &[&[u8]]) -> io::Result<()> {
        let path = self.root.join("tmp").join(name);
        let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let written = made.and_then(|mut file| pieces.iter().try_for_each(|piece| file.write_all(piece)));
        if written.is_err() {
            let _ = std::fs::remove_file(&path);
        }
        written
    }

    /// Flushes all files that were written.
    ///
    /// # Errors
    /// The file system's; then none of the files may be taken as written.
    pub fn flush(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(self.root.join("tmp"))?)?)
    }

    /// Moves a flushed file to `new/`, where mail readers see it.
    ///
    /// # Errors
    /// The file system's.
    pub fn publish(&self, name: &str) -> io::Result<()> {
        std::fs::rename(self.root.join("tmp").join(name), self.root.join("new").join(name))
    }

    /// Flushes the names of the files that were published.
    ///
    /// # Errors
    /// The file system's; then a crash may take them away again.
    pub fn flush_names(&self) -> io::Result<()> {
        File::open(self.root.join("new"))?.sync_all()
    }
}
