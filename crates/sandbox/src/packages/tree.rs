//! Folders with all that is in them: how large they are, what they hold, and how they go away.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What a folder takes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) bytes: u64,
    /// Files and folders, itself not counted.
    pub(super) files: u64,
}

/// Measures a folder, and stops where it is larger than that. What vanishes meanwhile does not count.
pub(super) fn measure(folder: &Path, most: Size) -> Size {
    let mut size = Size::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            size.files += 1;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                size.bytes += metadata.len();
            }
            if size.bytes > most.bytes || size.files > most.files {
                return size;
            }
        }
    }
    size
}

/// Makes everything below a folder readable for all and writable for none; the folder itself is the caller's. Refuses
/// what is neither a file nor a folder, such as a link that leads out.
pub(super) fn seal(folder: &Path) -> io::Result<()> {
    for (path, metadata) in walk(folder)? {
        let may_run = metadata.is_dir() || metadata.permissions().mode() & 0o100 != 0;
        let is_plain = metadata.is_dir() || metadata.is_file();
        if !is_plain {
            let shown = path.strip_prefix(folder).unwrap_or(&path).display();
            return Err(io::Error::other(format!("`{shown}` is neither a file nor a folder")));
        }
        fs::set_permissions(&path, Permissions::from_mode(if may_run { 0o555 } else { 0o444 }))?;
    }
    Ok(())
}

/// Removes a folder whose folders may have been sealed. That there is none is no error.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(_) => open(folder)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    fs::remove_dir_all(folder)
}

/// Lets its owner write into the folder and all folders in it, from the outside in.
fn open(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

/// All that is below a folder, links not followed, what is in a folder behind it.
fn walk(folder: &Path) -> io::Result<Vec<(PathBuf, Metadata)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            found.push((entry.path(), metadata));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_measured_sealed_and_removed() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("x");
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("a/b/c"), "12345").unwrap();
        let most = Size { bytes: 100, files: 100 };
        assert_eq!(measure(&folder, most), Size { bytes: 5, files: 3 });
        assert_eq!(measure(&folder, Size { bytes: 4, files: 100 }).bytes, 5);
        seal(&folder).unwrap();
        let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("a"), mode("a/b"), mode("a/b/c")), (0o555, 0o555, 0o444));
        remove(&folder).unwrap();
        remove(&folder).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let refused = seal(folder.path()).unwrap_err().to_string();
        assert_eq!(refused, "`link` is neither a file nor a folder");
    }
}
