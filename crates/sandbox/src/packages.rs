//! Python packages for programs: requirements are resolved to a lock once, and an environment is made from a lock where
//! programs are run, once for all that have the same lock and interpreter. What stands in a lock and a workflow is
//! decided by who calls.
//!
//! Both is done with `uv`, outside of the sandbox, and no code of a package runs there: only wheels are taken, nothing
//! is built, and what an environment holds is copied and looked at, not imported.

mod claim;
mod environment;
mod error;
mod interpreter;
mod lock;
mod places;
mod redact;
mod settings;
mod tree;
mod upkeep;
mod uv;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep};
use types::Requirement;
use types::limits::REQUIREMENTS_MAX;

pub use environment::Environment;
pub use error::PackagesError;
pub use lock::{LOCK_BYTES_MAX, Lock};
pub use settings::{
    CACHE_BYTES_DEFAULT, ENVIRONMENT_BYTES_DEFAULT, ENVIRONMENT_FILES_DEFAULT, Hidden, INSTALL_TIME_DEFAULT,
    KEPT_BYTES_DEFAULT, KEPT_DEFAULT, LOCK_TIME_DEFAULT, PackagesLimits, PackagesSettings,
};

use claim::Claim;
use interpreter::Interpreter;
use places::Places;
use redact::Redactor;
use uv::Job;

/// Runs of `uv` at the same time; others wait.
const UV_AT_A_TIME: usize = 2;
/// Between two looks whether another caller or process has made an environment.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(50);
/// How many times the time of an install is waited for others that install the same.
const WAITS: u32 = 2;
/// Interpreters that are remembered; there is one as a rule.
const INTERPRETERS_MAX: usize = 8;

/// Resolves and installs Python packages. Several of them, also in several processes of one user, may share a folder.
pub struct Packages {
    settings: PackagesSettings,
    uv: Result<PathBuf, String>,
    redactor: Redactor,
    places: Arc<Places>,
    turns: Semaphore,
    interpreters: Mutex<HashMap<PathBuf, Interpreter>>,
}

impl Packages {
    /// Refuses settings that cannot be used. Touches nothing yet; that there is no `uv` is said by the first call that
    /// needs it.
    pub fn new(settings: PackagesSettings) -> Result<Self, PackagesError> {
        settings.check()?;
        Ok(Self {
            uv: uv::find(settings.uv.as_deref()),
            redactor: Redactor::new(&settings),
            places: Arc::new(Places::new(&settings.folder)),
            turns: Semaphore::new(UV_AT_A_TIME),
            interpreters: Mutex::default(),
            settings,
        })
    }

    /// Resolves requirements, with all that they require in turn, to exact versions and the hashes of their files. Asks
    /// the index, so that the answer is another one tomorrow: keep it.
    ///
    /// The lock is for CPython on Linux, on any kind of processor, from this interpreter's minor version upwards: where
    /// versions differ between those, markers say which holds. That there is a file for each of them is not said.
    pub async fn lock(&self, requirements: &[Requirement], python: &Path) -> Result<Lock, PackagesError> {
        let count = requirements.len();
        if count == 0 || count > REQUIREMENTS_MAX {
            let message = format!("`{count}` requirements, not `1` to `{REQUIREMENTS_MAX}`");
            return Err(PackagesError::Invalid(message));
        }
        let interpreter = self.interpreter(python).await?;
        self.blocking("make the folder of packages", Places::prepare).await?;
        let python_version = interpreter.minor();
        let words = [
            "pip",
            "compile",
            "-",
            "--universal",
            "--python-version",
            &python_version,
            "--generate-hashes",
            "--no-header",
            "--no-annotate",
        ];
        let lines: Vec<String> = requirements.iter().map(|one| format!("{one}\n")).collect();
        let job = Job {
            doing: "resolving packages",
            words: words.map(Into::into).to_vec(),
            input: lines.concat(),
            time: self.settings.limits.lock,
            work: None,
            failed: PackagesError::Resolve,
        };
        let said = self.uv(job, python).await?;
        Lock::from_uv(interpreter.version, &said)
    }

    /// The environment of a lock for an interpreter, made if there is none. Callers and processes that want the same one
    /// wait for whoever makes it. It stays for as long as what is returned is held.
    pub async fn install(&self, lock: &Lock, python: &Path) -> Result<Environment, PackagesError> {
        let interpreter = self.interpreter(python).await?;
        interpreter.fits(lock)?;
        let key = interpreter.key(lock);
        let until = Instant::now() + self.settings.limits.install * WAITS;
        loop {
            let found = self.blocking("open an environment", {
                let key = key.clone();
                move |places| Environment::open(places, &key)
            });
            if let Some(environment) = found.await? {
                return Ok(environment);
            }
            let claimed = self.blocking("claim an environment", {
                let key = key.clone();
                move |places| {
                    places.prepare()?;
                    let claim = Claim::exclusive(&places.claim(&key))?;
                    Ok(claim.map(|claim| (claim, places.environment(&key).is_dir())))
                }
            });
            match claimed.await? {
                // Another one made it in the meantime.
                Some((_, true)) => {}
                Some((claim, false)) => self.make(claim, &key, lock, python).await?,
                None if Instant::now() >= until => {
                    let (doing, limit) = ("waiting for others", self.settings.limits.install * WAITS);
                    return Err(PackagesError::TimedOut { doing, limit });
                }
                None => sleep(LOOK_AGAIN).await,
            }
        }
    }

    /// Makes an environment that is not there, alone by its claim.
    async fn make(&self, claim: Claim, key: &str, lock: &Lock, python: &Path) -> Result<(), PackagesError> {
        let begun = Instant::now();
        let work = self.blocking("make a folder", {
            let key = key.to_owned();
            move |places| upkeep::begin(places, &key)
        });
        let work = work.await?;
        let filled = self.fill(&work, lock, python).await;
        let limits = self.settings.limits;
        let finished = self.blocking("put an environment in its place", {
            let key = key.to_owned();
            move |places| {
                let kept = filled.and_then(|()| upkeep::keep(places, &claim, &key, &work, &limits));
                if kept.is_err() {
                    upkeep::give_up(places, &key, &work)?;
                }
                upkeep::forget(places, &limits)?;
                Ok(kept)
            }
        });
        let bytes = finished.await??;
        let duration_ms = begun.elapsed().as_millis();
        tracing::info!(environment = key, bytes, duration_ms, "installed Python packages");
        Ok(())
    }

    async fn fill(&self, work: &Path, lock: &Lock, python: &Path) -> Result<(), PackagesError> {
        if lock.is_empty() {
            return Ok(());
        }
        let words = ["pip", "install", "-r", "-", "--require-hashes", "--no-deps", "--no-config"];
        let mut words: Vec<std::ffi::OsString> = words.map(Into::into).to_vec();
        words.extend(["--link-mode", "copy", "--target"].map(Into::into));
        words.push(work.into());
        let job = Job {
            doing: "installing packages",
            words,
            input: lock.for_uv(),
            time: self.settings.limits.install,
            work: Some(work.to_owned()),
            failed: PackagesError::Install,
        };
        self.uv(job, python).await.map(drop)
    }

    async fn uv(&self, job: Job, python: &Path) -> Result<String, PackagesError> {
        let uv = self.uv.as_ref().map_err(|why| PackagesError::NoUv(why.clone()))?;
        let _turn = self.turns.acquire().await.map_err(|_| PackagesError::Folder("closed".to_owned()))?;
        let claim = self.blocking("claim the cache", |places| Claim::wait_shared(&places.cache_claim()));
        let claim = claim.await?;
        let said = uv::run(uv, job, python, self).await;
        drop(claim);
        if !self.settings.offline {
            let most = self.settings.limits.cache_bytes;
            self.blocking("look at the cache", move |places| upkeep::empty_cache(places, most)).await?;
        }
        said
    }

    async fn interpreter(&self, python: &Path) -> Result<Interpreter, PackagesError> {
        let mut interpreters = self.interpreters.lock().await;
        if let Some(known) = interpreters.get(python) {
            return Ok(known.clone());
        }
        let found = Interpreter::ask(python).await.map_err(PackagesError::Interpreter)?;
        if interpreters.len() == INTERPRETERS_MAX {
            interpreters.clear();
        }
        interpreters.insert(python.to_owned(), found.clone());
        Ok(found)
    }

    /// Does what waits for the disk on a thread that may.
    async fn blocking<T: Send + 'static>(
        &self,
        doing: &str,
        work: impl FnOnce(&Places) -> io::Result<T> + Send + 'static,
    ) -> Result<T, PackagesError> {
        let places = Arc::clone(&self.places);
        let done = tokio::task::spawn_blocking(move || work(&places)).await;
        let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
        done.map_err(|error| PackagesError::Folder(format!("cannot {doing}: {error}")))
    }
}
