//! How environments come into their place whole, and how those that nobody uses go away.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::claim::Claim;
use super::places::Places;
use super::tree::{self, Size};
use super::{PackagesError, PackagesLimits};

/// The name under which the cache goes away.
const OLD_CACHE: &str = "cache";
/// Left by `uv` in what it has filled.
const LEFT: &str = ".lock";

/// A folder to fill. The caller has the key's claim, so that what an earlier one left is nobody's.
pub(super) fn begin(places: &Places, key: &str) -> io::Result<PathBuf> {
    for (_, left) in Places::keyed(&places.work())?.iter().filter(|(of, _)| of == key) {
        tree::remove(left)?;
    }
    places.new_work(key)
}

/// Looks at what was filled and puts it in its place. Its bytes.
pub(super) fn keep(
    places: &Places,
    claim: &Claim,
    key: &str,
    work: &Path,
    limits: &PackagesLimits,
) -> Result<u64, PackagesError> {
    match fs::remove_file(work.join(LEFT)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(folder(&error)),
        _ => {}
    }
    let size = measured(work, limits)?;
    tree::seal(work).map_err(|error| PackagesError::Install(error.to_string()))?;
    let place = || -> io::Result<()> {
        // A machine that loses its power must not find a folder in its place whose files are empty.
        nix::unistd::syncfs(File::open(work)?)?;
        let mut file = claim.file();
        file.set_len(0)?;
        file.write_all(size.bytes.to_string().as_bytes())?;
        let place = places.environment(key);
        // Renamed before it is sealed itself: only who may write into a folder may move it.
        fs::set_permissions(work, Permissions::from_mode(0o755))?;
        fs::rename(work, &place)?;
        fs::set_permissions(&place, Permissions::from_mode(0o555))
    };
    place().map_err(|error| folder(&error))?;
    Ok(size.bytes)
}

/// The size of what was filled, if it may be that large.
pub(super) fn measured(work: &Path, limits: &PackagesLimits) -> Result<Size, PackagesError> {
    let most = Size { bytes: limits.environment_bytes, files: limits.environment_files };
    let size = tree::measure(work, most);
    if size.bytes > most.bytes {
        let most = most.bytes;
        return Err(PackagesError::TooLarge(format!("the packages take up more than `{most}` bytes")));
    }
    if size.files > most.files {
        let most = most.files;
        return Err(PackagesError::TooLarge(format!(
            "the packages have more than `{most}` files and folders"
        )));
    }
    Ok(size)
}

/// Removes what was to become an environment and did not.
pub(super) fn give_up(places: &Places, key: &str, work: &Path) -> io::Result<()> {
    tree::remove(work)?;
    if places.environment(key).exists() { Ok(()) } else { removed(fs::remove_file(places.claim(key))) }
}

/// Removes what killed processes left, and the environments that were not used for the longest time if there are too
/// many or they are too large. Never one that is in use.
pub(super) fn forget(places: &Places, limits: &PackagesLimits) -> io::Result<()> {
    for (key, left) in Places::keyed(&places.work())? {
        if let Some(_claim) = Claim::exclusive(&places.claim(&key))? {
            tree::remove(&left)?;
            if !places.environment(&key).exists() {
                removed(fs::remove_file(places.claim(&key)))?;
            }
        }
    }
    let mut kept = Vec::new();
    for (key, path) in Places::keyed(&places.environments())? {
        let (used_at, bytes) = known(&places.claim(&key)).unwrap_or((SystemTime::UNIX_EPOCH, 0));
        kept.push((used_at, key, path, bytes));
    }
    kept.sort();
    let (mut count, mut bytes) = (kept.len(), kept.iter().map(|(_, _, _, bytes)| bytes).sum::<u64>());
    for (_, key, path, its) in kept {
        if count <= limits.kept && bytes <= limits.kept_bytes {
            break;
        }
        if let Some(_claim) = Claim::exclusive(&places.claim(&key))? {
            // Out of its place first, so that it is there whole or not at all.
            let work = places.work().join(format!("{key}.old"));
            tree::remove(&work)?;
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
            fs::rename(&path, &work)?;
            removed(fs::remove_file(places.claim(&key)))?;
            tree::remove(&work)?;
            count -= 1;
            bytes = bytes.saturating_sub(its);
        }
    }
    Ok(())
}

/// Empties the cache if it is more than half full and nobody uses it.
pub(super) fn empty_cache(places: &Places, bytes_max: u64) -> io::Result<()> {
    let half = Size { bytes: bytes_max / 2, files: u64::MAX };
    if tree::measure(&places.cache(), half).bytes <= half.bytes {
        return Ok(());
    }
    if let Some(_claim) = Claim::exclusive(&places.cache_claim())? {
        let old = places.work().join(OLD_CACHE);
        tree::remove(&old)?;
        fs::rename(places.cache(), &old)?;
        fs::create_dir(places.cache())?;
        fs::set_permissions(places.cache(), Permissions::from_mode(0o700))?;
        tree::remove(&old)?;
    }
    Ok(())
}

/// When an environment was last used, and its bytes.
fn known(claim: &Path) -> Option<(SystemTime, u64)> {
    let mut file = File::open(claim).ok()?;
    let used_at = file.metadata().ok()?.modified().ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    Some((used_at, text.parse().ok()?))
}

fn removed(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn folder(error: &io::Error) -> PackagesError {
    PackagesError::Folder(format!("cannot put an environment in its place: {error}"))
}
