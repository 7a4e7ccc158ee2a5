//! The file that holds the master keys: made at the first start, readable by its owner only.
//!
//! Losing it loses every stored secret, so it is never overwritten in place and an unreadable one is an
//! error, never a reason to make a new one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use types::Rng;
use zeroize::Zeroizing;

use crate::{MasterKeys, MasterKeysError};

/// Bytes of a key file; a thousand keys fit.
const FILE_BYTES_MAX: u64 = 128 * 1024;
/// Read and write for the owner.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Why there are no master keys. The text names the path and what to do; it never repeats a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file system refused.
    #[error("key file `{}` cannot be {action}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read or write it.
    #[error("key file `{}` has mode {mode:04o}, so that others can reach it; set it to 0600 (`chmod 600`)", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a regular file of a sensible size.
    #[error("key file `{}` is not a regular file of at most {FILE_BYTES_MAX} bytes", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// It does not hold keys.
    #[error("key file `{}` holds no usable master keys: {source}; restore it from a backup", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with its text.
        source: MasterKeysError,
    },
}

/// The key file and what it holds.
pub struct KeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its keys.
    pub keys: MasterKeys,
    /// Whether this call made it.
    pub created: bool,
}

impl KeyFile {
    /// Reads the file at `path`, or makes it with a new key if there is none. A missing parent directory is
    /// made with mode 0700.
    pub fn load_or_create(path: &Path, rng: &mut dyn Rng) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded,
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            let made = DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(parent);
            made.map_err(failed(path, "created"))?;
        }
        let keys = MasterKeys::generate(rng);
        match write_new(path, &keys) {
            Ok(()) => Ok(Self { path: path.to_owned(), keys, created: true }),
            // Another server was quicker; its key is the one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            Err(error) => Err(failed(path, "created")(error)),
        }
    }

    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let file = File::open(path).map_err(failed(path, "opened"))?;
        // Asked of the open file, so that it cannot be another one by the time it is read.
        let metadata = file.metadata().map_err(failed(path, "read"))?;
        if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
            return Err(KeyFileError::NotAFile { path: path.to_owned() });
        }
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize));
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed(path, "read"))?;
        let keys = MasterKeys::parse(&text)
            .map_err(|source| KeyFileError::Malformed { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), keys, created: false })
    }

    /// Writes `keys` in place of what the file held: all of it or nothing, also if the machine stops.
    pub fn replace(&mut self, keys: MasterKeys) -> Result<(), KeyFileError> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = self.path.with_file_name(name);
        let written = fs::remove_file(&beside)
            .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
            .and_then(|()| write_new(&beside, &keys))
            .and_then(|()| fs::rename(&beside, &self.path))
            .and_then(|()| sync_directory(&self.path));
        written.map_err(failed(&self.path, "replaced"))?;
        self.keys = keys;
        Ok(())
    }
}

fn write_new(path: &Path, keys: &MasterKeys) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.write_all(keys.to_text().expose().as_bytes())?;
    file.sync_all()?;
    sync_directory(path)
}

/// The directory's entry must be on disk too before anything is sealed with the key.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    move |source| KeyFileError::Io { path, action, source }
}

#[cfg(test)]
mod tests {
    use types::SeededRng;

    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_first_start_makes_a_file_that_only_its_owner_can_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data/master.key");
        let mut rng = SeededRng::from_u64(1);
        let made = KeyFile::load_or_create(&path, &mut rng).unwrap();
        assert!(made.created);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        let loaded = KeyFile::load_or_create(&path, &mut rng).unwrap();
        assert!(!loaded.created);
        assert_eq!(loaded.keys.to_text().expose(), made.keys.to_text().expose());
    }

    #[test]
    fn a_replaced_file_holds_the_new_keys_and_keeps_its_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let mut rng = SeededRng::from_u64(1);
        let mut file = KeyFile::load_or_create(&path, &mut rng).unwrap();
        let mut keys = MasterKeys::parse(file.keys.to_text().expose()).unwrap();
        keys.rotate(&mut rng);
        let id = keys.current_id().to_owned();
        // What a crash left behind does not stand in the way.
        write(&directory.path().join("master.key.new"), "rest", 0o600);
        file.replace(keys).unwrap();
        assert_eq!(KeyFile::load(&path).unwrap().keys.current_id(), id);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_unusable_file_is_an_error_that_names_it_and_is_left_alone() {
        let good = MasterKeys::generate(&mut SeededRng::from_u64(1)).to_text();
        let check = |text: &str, mode: u32, expected: &str| {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("k");
            write(&path, text, mode);
            let error =
                KeyFile::load_or_create(&path, &mut SeededRng::from_u64(2)).err().unwrap().to_string();
            let name = path.display().to_string();
            assert_eq!(error.replace(&name, "PATH"), expected);
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        };
        let mode = |mode: &str| {
            format!(
                "key file `PATH` has mode {mode}, so that others can reach it; set it to 0600 (`chmod 600`)"
            )
        };
        check(good.expose(), 0o644, &mode("0644"));
        check(good.expose(), 0o640, &mode("0640"));
        check(good.expose(), 0o602, &mode("0602"));
        let holds = "key file `PATH` holds no usable master keys";
        check("", 0o600, &format!("{holds}: it is empty; restore it from a backup"));
        check(
            "hunter2",
            0o600,
            &format!("{holds}: it does not start with `nictate-keys 1`; restore it from a backup"),
        );
    }

    #[test]
    fn a_directory_is_not_a_key_file() {
        let directory = tempfile::tempdir().unwrap();
        let error = KeyFile::load_or_create(directory.path(), &mut SeededRng::from_u64(2)).err().unwrap();
        assert!(matches!(error, KeyFileError::NotAFile { .. }), "{error}");
    }
}
