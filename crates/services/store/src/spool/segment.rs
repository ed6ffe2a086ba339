//! The journal's files: `<sequence>.journal` in use, `<sequence>.spare` waiting to be used again.
//!
//! A segment is allocated in full when it is made and written over when it is used again, so that a flush in
//! it has only data to write, and what was promised space has it. A sequence number is never used twice.

use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Settings;

const IN_USE: &str = "journal";
const SPARE: &str = "spare";

/// The files of one journal.
pub(super) struct Segments {
    folder: PathBuf,
    settings: Settings,
    max_bytes: AtomicU64,
    files: Mutex<Files>,
}

#[derive(Default)]
struct Files {
    in_use: BTreeMap<u64, u64>,
    spares: BTreeMap<u64, u64>,
    open: HashMap<u64, Arc<File>>,
    highest: u64,
}

impl Segments {
    /// Finds the files of a journal; makes the folder where there is none. Sequence numbers go on above those
    /// that are there, and above `used`.
    pub(super) fn open(folder: &Path, settings: Settings, used: u64) -> io::Result<Segments> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut files = Files { highest: used, ..Files::default() };
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some((number, kind)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            let size = entry.metadata()?.len();
            match kind {
                IN_USE => files.in_use.insert(number, size),
                SPARE => files.spares.insert(number, size),
                _ => continue,
            };
            files.highest = files.highest.max(number);
        }
        let max_bytes = AtomicU64::new(settings.max_bytes);
        Ok(Segments { folder: folder.to_owned(), settings, max_bytes, files: Mutex::new(files) })
    }

    /// The sequence numbers and sizes of the segments in use, in order.
    pub(super) fn in_use(&self) -> Vec<(u64, u64)> {
        self.files().in_use.iter().map(|(number, size)| (*number, *size)).collect()
    }

    /// The file of a segment in use.
    pub(super) fn file(&self, sequence: u64) -> io::Result<Arc<File>> {
        let mut files = self.files();
        if let Some(file) = files.open.get(&sequence) {
            return Ok(file.clone());
        }
        if !files.in_use.contains_key(&sequence) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the segment is gone"));
        }
        let file = OpenOptions::new().read(true).write(true).open(self.path(sequence, IN_USE))?;
        let file = Arc::new(file);
        files.open.insert(sequence, file.clone());
        Ok(file)
    }

    /// Puts the next segment to use, with room for at least `bytes`: a spare one, or a new one. Its name is on
    /// disk when this returns.
    pub(super) fn next(&self, bytes: u64) -> io::Result<(u64, Arc<File>, u64)> {
        let (sequence, spare) = {
            let mut files = self.files();
            files.highest += 1;
            let fitting = files.spares.iter().find(|(_, size)| **size >= bytes).map(|(n, size)| (*n, *size));
            if let Some((spare, _)) = fitting {
                files.spares.remove(&spare);
            }
            (files.highest, fitting)
        };
        let path = self.path(sequence, IN_USE);
        let size = match spare {
            Some((spare, size)) => {
                std::fs::rename(self.path(spare, SPARE), &path)?;
                size
            }
            None => {
                let size = self.settings.segment_bytes.max(bytes);
                self.allocate(&path, size)?;
                size
            }
        };
        let file = Arc::new(OpenOptions::new().read(true).write(true).open(&path)?);
        self.sync_folder()?;
        let mut files = self.files();
        files.in_use.insert(sequence, size);
        files.open.insert(sequence, file.clone());
        Ok((sequence, file, size))
    }

    /// Makes a spare segment if there is none, so that the writer need not wait for one.
    pub(super) fn prepare(&self) -> io::Result<()> {
        let number = {
            let mut files = self.files();
            if !files.spares.is_empty() {
                return Ok(());
            }
            files.highest += 1;
            files.highest
        };
        self.allocate(&self.path(number, SPARE), self.settings.segment_bytes)?;
        self.files().spares.insert(number, self.settings.segment_bytes);
        Ok(())
    }

    /// Takes a segment out of use. It becomes a spare one, or is deleted if there are enough of those.
    pub(super) fn retire(&self, sequence: u64) -> io::Result<()> {
        let mut files = self.files();
        let Some(size) = files.in_use.get(&sequence).copied() else { return Ok(()) };
        let path = self.path(sequence, IN_USE);
        if size == self.settings.segment_bytes && files.spares.len() < self.settings.spares {
            std::fs::rename(path, self.path(sequence, SPARE))?;
            files.spares.insert(sequence, size);
        } else {
            std::fs::remove_file(path)?;
        }
        files.in_use.remove(&sequence);
        files.open.remove(&sequence);
        Ok(())
    }

    /// Changes how many bytes the files may have together.
    pub(super) fn limit(&self, max_bytes: u64) {
        self.max_bytes.store(max_bytes, Ordering::Relaxed);
    }

    /// Bytes of a segment, unless a message needs more.
    pub(super) fn segment_bytes(&self) -> u64 {
        self.settings.segment_bytes
    }

    /// Bytes that all files have together.
    pub(super) fn bytes(&self) -> u64 {
        bytes_of(&self.files())
    }

    fn allocate(&self, path: &Path, size: u64) -> io::Result<()> {
        if self.bytes().saturating_add(size) > self.max_bytes.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let filled = made.and_then(|file| {
            match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size) {
                Err(rustix::io::Errno::OPNOTSUPP) => fill(&file, size)?,
                other => other?,
            }
            file.sync_all()
        });
        if filled.is_err() {
            // Whatever could be allocated is given back.
            let _ = std::fs::remove_file(path);
        }
        filled
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn path(&self, sequence: u64, kind: &str) -> PathBuf {
        self.folder.join(format!("{sequence:020}.{kind}"))
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes_of(files: &Files) -> u64 {
    files.in_use.values().chain(files.spares.values()).sum()
}

/// Allocates by writing, for file systems that cannot do otherwise.
fn fill(file: &File, size: u64) -> io::Result<()> {
    let zeros = vec![0_u8; 1 << 20];
    let mut at = 0;
    while at < size {
        let step = usize::try_from(size - at).unwrap_or(zeros.len()).min(zeros.len());
        file.write_all_at(zeros.get(..step).unwrap_or_default(), at)?;
        at += step as u64;
    }
    Ok(())
}
