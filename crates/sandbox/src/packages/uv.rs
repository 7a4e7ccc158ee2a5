//! Starts `uv` with nothing but what it needs, reads what it says, and kills it where it goes beyond its bounds.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::lock::LOCK_BYTES_MAX;
use super::tree::{self, Size};
use super::{Packages, PackagesError, upkeep};

/// Bytes that are read of what it complains of.
const COMPLAINT_BYTES_MAX: usize = 64 * 1024;
const CHUNK_BYTES: usize = 16 * 1024;
/// Between two looks at what it has written; longer where a look takes long.
const WATCH_EVERY: Duration = Duration::from_millis(500);
const WATCH_PART: u32 = 5;
/// All that it may find programs in. It needs none: the interpreter is named by its path.
const PATH: &str = "/usr/bin:/bin";

/// What is said to it at any time: no building, no interpreter but the one it is given, no colours.
const ALWAYS: [&str; 8] = [
    "--only-binary",
    ":all:",
    "--no-sources",
    "--no-python-downloads",
    "--keyring-provider",
    "disabled",
    "--no-progress",
    "--quiet",
];

/// One run.
pub(super) struct Job {
    /// For messages.
    pub(super) doing: &'static str,
    pub(super) words: Vec<OsString>,
    /// Given on its standard input.
    pub(super) input: String,
    pub(super) time: Duration,
    /// A folder that it fills, which must not become too large.
    pub(super) work: Option<PathBuf>,
    /// What it is if it fails, with what it said.
    pub(super) failed: fn(String) -> PackagesError,
}

/// The program, by a path or as a shell would find it; or why there is none.
pub(super) fn find(wanted: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = wanted {
        return if path.is_file() {
            Ok(path.to_owned())
        } else {
            Err(format!("there is no `{}`", path.display()))
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("uv")).find(|file| file.is_file());
    found.ok_or_else(|| "there is none on `PATH`".to_owned())
}

/// What it printed, if it succeeded. The caller has claimed the cache.
pub(super) async fn run(
    uv: &Path,
    job: Job,
    python: &Path,
    packages: &Packages,
) -> Result<String, PackagesError> {
    let mut child = start(uv, &job, python, packages)
        .map_err(|error| PackagesError::NoUv(format!("`{}` does not start: {error}", uv.display())))?;
    let talk = talk(&mut child, job.input.as_bytes());
    let talked = tokio::select! {
        talked = timeout(job.time, talk) => talked,
        beyond = watch(packages, job.work.as_deref()) => return Err(beyond),
    };
    let limit = job.time;
    let talked = talked.map_err(|_| PackagesError::TimedOut { doing: job.doing, limit })?;
    let (printed, complaint) =
        talked.map_err(|error| PackagesError::Folder(format!("cannot talk to `uv`: {error}")))?;
    let status = child.wait().await;
    let status = status.map_err(|error| PackagesError::Folder(format!("cannot wait for `uv`: {error}")))?;
    if status.success() {
        // Larger than a lock may be, if it was cut.
        return Ok(String::from_utf8_lossy(&printed).into_owned());
    }
    let said = packages.redactor.clean(&String::from_utf8_lossy(&complaint));
    if std::os::unix::process::ExitStatusExt::signal(&status) == Some(libc::SIGXFSZ) {
        let most = packages.settings.limits.environment_bytes;
        return Err(PackagesError::TooLarge(format!("a file of a package has more than `{most}` bytes")));
    }
    Err((job.failed)(if said.is_empty() { format!("`uv` ended with {status}") } else { said }))
}

fn start(uv: &Path, job: &Job, python: &Path, packages: &Packages) -> io::Result<Child> {
    let (settings, places) = (&packages.settings, &packages.places);
    let mut command = Command::new(uv);
    command.args(&job.words).args(ALWAYS).args(["--color", "never"]);
    command.arg("--python").arg(python).arg("--cache-dir").arg(places.cache());
    if settings.offline {
        command.arg("--offline");
    }
    let home = places.home();
    command.env_clear().env("PATH", PATH).current_dir(&home);
    command.env("HOME", &home).env("XDG_CONFIG_HOME", &home).env("XDG_DATA_HOME", &home).env("TMPDIR", &home);
    // The machine's own settings of `uv` are not the operator's word to us.
    command.env("UV_NO_SYSTEM_CONFIG", "1");
    if let Some(index) = &settings.index_url {
        // Not an argument, which everyone on the machine could read.
        command.env("UV_DEFAULT_INDEX", index.open());
    }
    command.envs(settings.environment.iter().map(|(name, value)| (name, value.open())));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let file_bytes = settings.limits.environment_bytes;
    // SAFETY: between fork and exec only calls that are safe there: two of the kernel's.
    unsafe {
        command.pre_exec(move || {
            setrlimit(Resource::RLIMIT_FSIZE, file_bytes, file_bytes)?;
            setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
            Ok(())
        });
    }
    command.spawn()
}

/// What it prints and what it complains of, each as far as it is wanted.
async fn talk(child: &mut Child, input: &[u8]) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // One that fails at once does not read.
            match stdin.write_all(input).await {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
                _ => {}
            }
        }
        Ok(())
    };
    let (written, printed, complaint) =
        tokio::join!(write, read(stdout, LOCK_BYTES_MAX + 1), read(stderr, COMPLAINT_BYTES_MAX));
    written?;
    Ok((printed?, complaint?))
}

/// Reads to the end and keeps so many bytes.
async fn read(from: Option<impl AsyncRead + Unpin>, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return Ok(kept) };
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = from.read(&mut chunk).await?;
        if count == 0 {
            return Ok(kept);
        }
        let fits = count.min(bytes_max - kept.len());
        kept.extend_from_slice(chunk.get(..fits).unwrap_or_default());
    }
}

/// Ends when more has been written than may be.
async fn watch(packages: &Packages, work: Option<&Path>) -> PackagesError {
    let mut pause = WATCH_EVERY;
    loop {
        sleep(pause).await;
        let begun = Instant::now();
        let (places, limits) = (Arc::clone(&packages.places), packages.settings.limits);
        let work = work.map(Path::to_owned);
        let look = tokio::task::spawn_blocking(move || {
            if let Some(work) = work {
                upkeep::measured(&work, &limits)?;
            }
            let most = Size { bytes: limits.cache_bytes, files: u64::MAX };
            if tree::measure(&places.cache(), most).bytes > most.bytes {
                let most = most.bytes;
                let message = format!("the cache of packages has more than `{most}` bytes");
                return Err(PackagesError::TooLarge(message));
            }
            Ok(())
        });
        if let Ok(Err(beyond)) = look.await {
            return beyond;
        }
        pause = WATCH_EVERY.max(begun.elapsed() * WATCH_PART);
    }
}
