//! The data folder: which files are in it, and the lock that keeps a second server out.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// A data folder that this process holds; the lock is given up when this is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another server runs on it.
    #[error("another Gatepost server is using the data folder {0}")]
    InUse(PathBuf),
    /// There is no data in it, and the command does not make any.
    #[error("{0} is not a Gatepost data folder: it has no gatepost.db")]
    Missing(PathBuf),
    /// The folder or a file in it cannot be made or read.
    #[error("{path}: {error}")]
    Io {
        /// What could not be used.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl DataFolder {
    /// Takes the folder for this process; makes it where there is none.
    ///
    /// # Errors
    /// [`FolderError::InUse`] while another process holds it.
    pub fn take(path: &Path) -> Result<DataFolder, FolderError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| FolderError::Io { path, error }
        };
        std::fs::create_dir_all(path).map_err(failed(path))?;
        let path = std::fs::canonicalize(path).map_err(failed(path))?;
        // SECURITY: the database holds the keys that sign tokens. SQLite makes its files for everybody to read,
        // so that the folder keeps everybody out.
        std::fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(failed(&path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(failed(&lock_path))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(FolderError::InUse(path));
        }
        Ok(DataFolder { path, _lock: lock })
    }

    /// Takes a folder that holds data already.
    ///
    /// # Errors
    /// [`FolderError::Missing`] where there is none, [`FolderError::InUse`] while another process holds it.
    pub fn take_existing(path: &Path) -> Result<DataFolder, FolderError> {
        if !path.join("gatepost.db").is_file() {
            return Err(FolderError::Missing(path.to_owned()));
        }
        DataFolder::take(path)
    }

    /// The folder, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.path.join("gatepost.db")
    }

    /// What a client needs to know to use this server, secrets included.
    pub fn bootstrap_file(&self) -> PathBuf {
        self.path.join("bootstrap.json")
    }
}

/// Replaces a file that only its owner may read, durably: the old or the new content is there after a crash,
/// never a part.
///
/// # Errors
/// The file system's.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_on_the_same_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let held = DataFolder::take(dir.path()).unwrap();
        assert_eq!(std::fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(DataFolder::take(dir.path()), Err(FolderError::InUse(_))));
        drop(held);
        assert!(DataFolder::take(dir.path()).is_ok());
    }

    #[test]
    fn private_files_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.json");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_without_data_is_not_an_existing_one() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(DataFolder::take_existing(dir.path()), Err(FolderError::Missing(_))));
    }
}
