//! The sandbox as its owner uses it: started once, then given programs. It keeps a host process alive, and watches over
//! each program's time, output and result; the walls themselves are built by the host.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::attempt::Attempt;
use crate::link::Link;
use crate::wire::{Order, PythonHome, Setup, ToHost};
use crate::{Finished, HOST_ARGUMENT, HostCommand, Language, Level, Network, Program, Report, SandboxError};
use crate::{SandboxSettings, Stream, host, payload, python};

/// Runs programs behind walls. Dropped, it takes the host process and all programs with it.
pub struct Sandbox {
    settings: SandboxSettings,
    python: Result<PythonHome, String>,
    report: Report,
    link: Mutex<Option<Arc<Link>>>,
    places: Semaphore,
    next: AtomicU64,
}

impl HostCommand {
    /// This program again, with the argument by which [`crate::is_host`] knows it. Also if its file was replaced or
    /// removed meanwhile.
    pub fn this_program() -> Self {
        Self { program: "/proc/self/exe".into(), arguments: vec![HOST_ARGUMENT.to_owned()] }
    }
}

impl Sandbox {
    /// Finds Python, starts the host and learns what the kernel allows. Where it forbids a required part this succeeds
    /// too, and every program is refused; [`Self::report`] says why.
    pub async fn start(settings: SandboxSettings) -> Result<Self, SandboxError> {
        let python = python::find(settings.python.as_deref()).await;
        let (link, report) = connect(&settings, &python).await?;
        let places = Semaphore::new(settings.concurrent.clamp(1, Semaphore::MAX_PERMITS));
        let usable = report.is_full() || (settings.level == Level::Reduced && report.allows_reduced());
        let link = Mutex::new(usable.then(|| Arc::new(link)));
        Ok(Self { settings, python, report, link, places, next: AtomicU64::new(1) })
    }

    /// What the kernel allows here.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The Python that is used, as its version; or why there is none.
    pub fn python(&self) -> Result<&str, &str> {
        self.python.as_ref().map(|python| python.version.as_str()).map_err(String::as_str)
    }

    /// The interpreter that programs are forked from: packages must be made for this one.
    pub fn python_executable(&self) -> Option<&Path> {
        self.python.as_ref().ok().map(|python| python.executable.as_path())
    }

    /// Runs a program to its end. Each complete line that it prints is told at once. An error means that it was not run
    /// or that nothing is known of it; how it ended is in what is returned. When `cancelled`, or when this future is
    /// dropped, the program is killed with everything it started.
    pub async fn run(
        &self,
        program: Program,
        on_line: &(dyn Fn(Stream, &str) + Send + Sync),
        cancelled: &CancellationToken,
    ) -> Result<Finished, SandboxError> {
        self.allow(&program)?;
        let called = Instant::now();
        let _place = tokio::select! {
            place = self.places.acquire() => place.map_err(|_| SandboxError::Closed)?,
            () = cancelled.cancelled() => return Ok(Attempt::cancelled_before()),
        };
        let link = self.link().await?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let prepare = |error: io::Error| SandboxError::Prepare(error.to_string());
        let file = OwnedFd::from(payload::write(&program).map_err(prepare)?);
        let order = Order {
            id,
            language: program.language,
            limits: program.limits,
            packages: program.packages,
            guarded: matches!(program.network, Network::Guarded(_)),
        };
        let egress = match program.network {
            Network::Guarded(egress) => Some(egress),
            Network::Closed => None,
        };
        let (attempt, ends) = Attempt::new(Arc::clone(&link), id, program.limits, egress).map_err(prepare)?;
        let [stdout, stderr, result] = ends;
        let sent = link.send(&ToHost::Run(order), &[file, stdout, stderr, result]).await;
        if sent.is_err() {
            return Err(SandboxError::Lost("host process"));
        }
        attempt.follow(called, on_line, cancelled).await
    }

    fn allow(&self, program: &Program) -> Result<(), SandboxError> {
        program.check()?;
        if let Some(packages) = program.packages.as_ref().filter(|packages| !packages.is_dir()) {
            return Err(SandboxError::invalid(format!(
                "there is no folder of packages `{}`",
                packages.display()
            )));
        }
        let is_reduced = !self.report.is_full();
        if is_reduced
            && matches!(program.network, Network::Guarded(_))
            && self.settings.level == Level::Reduced
        {
            return Err(SandboxError::Forbidden("the reduced form has no network at all".to_owned()));
        }
        if is_reduced && !(self.settings.level == Level::Reduced && self.report.allows_reduced()) {
            let missing: Vec<_> =
                self.report.missing().map(|(part, why)| format!("no `{}` ({why})", part.name())).collect();
            let missing = missing.join(", ");
            let why = match self.settings.level {
                Level::Full => missing,
                Level::Reduced => format!("{missing}; the reduced form needs seccomp and Landlock 3"),
            };
            return Err(SandboxError::Forbidden(why));
        }
        if let (Language::Python, Err(why)) = (program.language, &self.python) {
            return Err(SandboxError::NoLanguage { language: Language::Python, why: why.clone() });
        }
        Ok(())
    }

    /// The host that runs, or another one if it has died.
    async fn link(&self) -> Result<Arc<Link>, SandboxError> {
        let mut link = self.link.lock().await;
        if let Some(link) = link.as_ref().filter(|link| !link.is_gone()) {
            return Ok(Arc::clone(link));
        }
        let (started, _) = connect(&self.settings, &self.python).await?;
        tracing::info!("started another sandbox host");
        Ok(Arc::clone(link.insert(Arc::new(started))))
    }

    /// Process id of the host, for who wants to kill it.
    pub async fn host_id(&self) -> Option<u32> {
        self.link.lock().await.as_ref().and_then(|link| link.host_id())
    }
}

async fn connect(
    settings: &SandboxSettings,
    python: &Result<PythonHome, String>,
) -> Result<(Link, Report), SandboxError> {
    let without = settings.without.iter().copied().filter(|part| !part.is_required()).collect();
    let setup = Setup {
        python: python.as_ref().ok().cloned(),
        prepared: settings.prepared,
        without,
        reduced: settings.level == Level::Reduced,
    };
    let prelude = |language: Language, usual: &str| -> Result<File, SandboxError> {
        let text = settings.preludes.get(&language).map_or(usual, String::as_str);
        payload::anonymous(&[text.as_bytes()]).map_err(|error| SandboxError::Start(error.to_string()))
    };
    let preludes = [
        prelude(Language::Python, host::PYTHON_PRELUDE)?,
        prelude(Language::JavaScript, host::JAVASCRIPT_PRELUDE)?,
    ];
    Link::start(settings, &setup, preludes).await
}
