//! The journal's files: `<sequence>.journal` in use, `<sequence>.spare` waiting to be used again.
//!
//! A segment is allocated in full when it is made and written over when it is used again, so that what was
//! promised space has it. A spare one is filled with zeros before its turn comes: a file system with a journal
//! keeps note of which blocks of a file were ever written, and a flush that changes the notes takes twice as
//! long as one that has only data to write. A sequence number is never used twice.

use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Settings;

/// Bytes a second from which the journal is written in batches so large that filling segments beforehand would
/// cost more than it saves.
const NOT_WORTH_FILLING: u64 = 120 << 20;
/// Bytes of the very first segment, which is filled while the server starts.
const FIRST_BYTES: u64 = 16 << 20;

const IN_USE: &str = "journal";
const SPARE: &str = "spare";

/// The files of one journal.
pub(super) struct Segments {
    folder: PathBuf,
    /// The folder, kept open: putting a segment to use must not fail for want of a descriptor.
    names: File,
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
    /// When the segment that is written now was put to use, and its size.
    begun: Option<(Instant, u64)>,
    /// Whether the one before it was used up at a rate of [`NOT_WORTH_FILLING`] or more.
    used_up_fast: bool,
}

impl Files {
    /// A segment of this size is put to use.
    fn begin(&mut self, size: u64, now: Instant) {
        if let Some((begun, size)) = self.begun.replace((now, size)) {
            let lasted = now.duration_since(begun).max(Duration::from_millis(1)).as_millis();
            self.used_up_fast = u128::from(size) * 1000 / lasted >= u128::from(NOT_WORTH_FILLING);
        }
    }
}

/// How the blocks of a new segment are got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blocks {
    /// Promised by the file system.
    Reserved,
    /// Written once.
    Filled,
}

impl Segments {
    /// Finds the files of a journal; makes the folder where there is none. Sequence numbers go on above those
    /// that are there, and above `used`. The names of all files it found are on disk when this returns: a
    /// process that was killed may have left one in memory only.
    pub(super) fn open(folder: &Path, settings: Settings, used: u64) -> io::Result<Segments> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let names = File::open(folder)?;
        names.sync_all()?;
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
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
        Ok(Segments { folder: folder.to_owned(), names, settings, max_bytes, files: Mutex::new(files) })
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
    /// disk when this returns. After an error its file is a spare one or deleted, as far as that can be done.
    pub(super) fn next(&self, bytes: u64) -> io::Result<(u64, Arc<File>, u64)> {
        let (sequence, spare, is_first) = {
            let mut files = self.files();
            files.highest += 1;
            let fitting = files.spares.iter().find(|(_, size)| **size >= bytes).map(|(n, size)| (*n, *size));
            if let Some((spare, _)) = fitting {
                files.spares.remove(&spare);
            }
            (files.highest, fitting, files.highest == 1)
        };
        let (file, size) = match spare {
            Some((spare, size)) => (self.reuse(spare, size, sequence)?, size),
            None => {
                let usual = self.settings.segment_bytes;
                let (usual, blocks) = if is_first {
                    (usual.min(FIRST_BYTES), Blocks::Filled)
                } else {
                    (usual, Blocks::Reserved)
                };
                let size = usual.max(bytes);
                (self.allocate(&self.path(sequence, IN_USE), size, blocks)?, size)
            }
        };
        let file = Arc::new(file);
        let synced = self.names.sync_all();
        let mut files = self.files();
        if let Err(error) = synced {
            if let Err(error) = self.put_aside(&mut files, sequence, size) {
                tracing::warn!(%error, sequence, "a segment of the spool stays unused until the next start");
            }
            return Err(error);
        }
        files.begin(size, Instant::now());
        files.in_use.insert(sequence, size);
        files.open.insert(sequence, file.clone());
        Ok((sequence, file, size))
    }

    /// Makes a spare segment if there is none, so that the writer need not wait for one.
    pub(super) fn prepare(&self) -> io::Result<()> {
        let (number, blocks) = {
            let mut files = self.files();
            if !files.spares.is_empty() {
                return Ok(());
            }
            files.highest += 1;
            (files.highest, if files.used_up_fast { Blocks::Reserved } else { Blocks::Filled })
        };
        self.allocate(&self.path(number, SPARE), self.settings.segment_bytes, blocks)?;
        self.files().spares.insert(number, self.settings.segment_bytes);
        Ok(())
    }

    /// Takes a segment out of use. It becomes a spare one, or is deleted if there are enough of those.
    pub(super) fn retire(&self, sequence: u64) -> io::Result<()> {
        let mut files = self.files();
        let Some(size) = files.in_use.get(&sequence).copied() else { return Ok(()) };
        self.put_aside(&mut files, sequence, size)?;
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

    /// Gives a spare segment, which is out of the list already, its new name. After an error it is in the list
    /// again, unless there is no such file.
    fn reuse(&self, spare: u64, size: u64, sequence: u64) -> io::Result<File> {
        let path = self.path(spare, SPARE);
        let reused = OpenOptions::new().read(true).write(true).open(&path).and_then(|file| {
            std::fs::rename(&path, self.path(sequence, IN_USE))?;
            Ok(file)
        });
        if reused.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
            self.files().spares.insert(spare, size);
        }
        reused
    }

    /// Makes the file of a segment in use a spare one, or deletes it if there are enough of those.
    fn put_aside(&self, files: &mut Files, sequence: u64, size: u64) -> io::Result<()> {
        let path = self.path(sequence, IN_USE);
        if size == self.settings.segment_bytes && files.spares.len() < self.settings.spares {
            std::fs::rename(path, self.path(sequence, SPARE))?;
            files.spares.insert(sequence, size);
            return Ok(());
        }
        std::fs::remove_file(path)
    }

    fn allocate(&self, path: &Path, size: u64, blocks: Blocks) -> io::Result<File> {
        if self.bytes().saturating_add(size) > self.max_bytes.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let made =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path);
        let filled = made.and_then(|file| {
            let reserved = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size);
            let unsupported = reserved == Err(rustix::io::Errno::OPNOTSUPP);
            if !unsupported {
                reserved?;
            }
            if unsupported || blocks == Blocks::Filled {
                fill(&file, size)?;
            }
            file.sync_all()?;
            Ok(file)
        });
        if filled.is_err() {
            // Whatever could be allocated is given back.
            let _ = std::fs::remove_file(path);
        }
        filled
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

/// Writes zeros all over.
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

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 4096;

    #[test]
    fn segments_that_are_used_up_fast_are_not_worth_filling() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut files = Files::default();
        for (size, now, fast) in [
            (16 << 20, at(0), false),
            (64 << 20, at(2000), false),
            (64 << 20, at(2200), true),
            (64 << 20, at(4000), false),
            (64 << 20, at(4000), true),
        ] {
            files.begin(size, now);
            assert_eq!(files.used_up_fast, fast, "{:?}", now.duration_since(start));
        }
    }

    #[test]
    fn a_filled_segment_has_no_block_left_to_write_first() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { segment_bytes: 1 << 20, ..Settings::default() };
        let segments = Segments::open(dir.path(), settings, 0).unwrap();
        let (_, file, size) = segments.next(0).unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!((size, metadata.len()), (1 << 20, 1 << 20));
        assert!(metadata.blocks() * 512 >= size);
        let mut found = vec![1_u8; 4096];
        file.read_exact_at(&mut found, size - 4096).unwrap();
        assert!(found.iter().all(|byte| *byte == 0));
    }

    fn segments(folder: &Path) -> Segments {
        Segments::open(folder, Settings { segment_bytes: SIZE, spares: 2, max_bytes: 3 * SIZE }, 0).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_segment_whose_name_cannot_be_flushed_is_kept_as_a_spare() {
        let dir = tempfile::tempdir().unwrap();
        let mut segments = segments(dir.path());
        // A device that cannot be flushed.
        segments.names = File::open("/dev/null").unwrap();
        for _ in 0..10 {
            let error = segments.next(1).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert_eq!((segments.bytes(), names(dir.path()).len()), (SIZE, 1));
        }
        // Larger than a spare one may be: deleted.
        segments.next(SIZE + 1).unwrap_err();
        assert_eq!((segments.bytes(), names(dir.path()).len()), (SIZE, 1));
        segments.names = File::open(dir.path()).unwrap();
        let (sequence, ..) = segments.next(1).unwrap();
        assert_eq!(segments.in_use(), [(sequence, SIZE)]);
        assert_eq!(names(dir.path()), [format!("{sequence:020}.journal")]);
    }

    #[test]
    fn a_spare_that_cannot_be_renamed_stays_one_and_one_that_is_gone_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let segments = segments(dir.path());
        segments.prepare().unwrap();
        let in_the_way = dir.path().join(format!("{:020}.journal", 2));
        std::fs::create_dir(&in_the_way).unwrap();
        segments.next(1).unwrap_err();
        assert_eq!(segments.bytes(), SIZE);
        std::fs::remove_dir(&in_the_way).unwrap();
        std::fs::remove_file(dir.path().join(format!("{:020}.spare", 1))).unwrap();
        assert_eq!(segments.next(1).unwrap_err().kind(), io::ErrorKind::NotFound);
        segments.next(1).unwrap();
        assert_eq!(segments.bytes(), SIZE);
    }
}
