//! `nictate runner`: a runner for servers elsewhere, until it is asked to stop or a server does not want it. Each server
//! has a link of its own, and what one gives takes no place from the others.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actions::guard::NetworkPolicy;
use actions::http::HttpClient;
use runner::{LinkError, Plaintext, RemoteServer, Runner, RunnerSettings, SecretManagers, VaultLogin};
use secrets::Secret;
use server::config::{Log, LogFormat, Packages, Sandbox};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use types::{SystemClock, SystemRng};

use crate::args::RunnerArgs;
use crate::code_host::code_host;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::Printer;
use crate::settings;
use crate::signals::StopSignals;

pub(crate) async fn run(args: &RunnerArgs, printer: &Printer) -> Outcome {
    let format = if printer.is_json() { LogFormat::Json } else { LogFormat::Text };
    settings::start_log(&Log { level: args.log_level.clone(), format }, printer)?;
    let plaintext = if args.allow_plaintext { Plaintext::Allowed } else { Plaintext::LoopbackOnly };
    let http = http_client(args.ca_file.as_deref())?;
    let servers: Result<Vec<RemoteServer>, LinkError> = args
        .servers
        .iter()
        .map(|url| {
            RemoteServer::new(
                url.trim(),
                args.group.as_deref(),
                Secret::new(args.token.trim().to_owned()),
                plaintext,
                http.authorities(),
            )
        })
        .collect();
    let servers = servers.map_err(failure)?;
    let mut stop = StopSignals::listen()?;
    let draining = CancellationToken::new();
    let clock = Arc::new(SystemClock);
    let packages = Packages {
        uv: args.uv.clone().unwrap_or_default(),
        folder: args.packages.clone().unwrap_or_default(),
        index_url: args.index_url.clone().unwrap_or_default(),
        offline: args.offline,
    };
    let sandbox = Sandbox {
        mode: args.sandbox,
        python: args.python.clone().unwrap_or_default(),
        memory_mib: args.code_memory,
        network: !args.no_code_network,
        ..Sandbox::default()
    };
    let code = code_host(&sandbox, packages.settings(&cache_folder()));
    let announcing = Arc::clone(&code);
    // No step but one of code waits for the sandbox.
    tokio::spawn(async move { announcing.announce().await });
    let managers = SecretManagers::parse(&args.secret_managers, vault_login().map(Arc::new).as_ref(), &http);
    let managers = Arc::new(managers.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?);
    let mut links = JoinSet::new();
    for server in servers {
        let mut settings = RunnerSettings::new(http.clone(), clock.clone());
        settings.capacity = args.capacity;
        settings.code = Arc::clone(&code);
        settings.secret_managers = Arc::clone(&managers);
        settings.labels.clone_from(&args.labels);
        links.spawn(Runner::remote(
            settings,
            args.name.clone(),
            server,
            Box::new(SystemRng),
            draining.clone(),
        ));
    }
    let asked = stop.received();
    tokio::pin!(asked);
    loop {
        tokio::select! {
            ended = links.join_next() => match ended {
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return Err(failure(error)),
                Some(Err(error)) => return Err(Failure::new(Exit::Failed, error.to_string())),
                None => return Ok(Exit::Ok),
            },
            () = &mut asked => break,
        }
    }
    tracing::info!("stopping: taking nothing more");
    draining.cancel();
    let drained = async {
        while let Some(ended) = links.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::warn!(%error, "the link ended while the runner was stopping");
            }
        }
    };
    let grace = Duration::from_secs(args.grace);
    if tokio::time::timeout(grace, drained).await.is_err() {
        let message =
            format!("steps were still in flight after {} s; the server counts them as lost", args.grace);
        return Err(Failure::new(Exit::Failed, message));
    }
    Ok(Exit::Ok)
}

/// How vaults know the runner: by what is set in the environment.
fn vault_login() -> Option<VaultLogin> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    if let Some(token) = set("VAULT_TOKEN") {
        return Some(VaultLogin::Token(Secret::new(token.trim().to_owned())));
    }
    let (role_id, secret_id) = (set("VAULT_ROLE_ID")?, set("VAULT_SECRET_ID")?);
    Some(VaultLogin::AppRole { role_id, secret_id: Secret::new(secret_id) })
}

/// The client of the steps. Each assignment says which networks it may reach.
fn http_client(ca_file: Option<&Path>) -> Result<HttpClient, Failure> {
    let http = HttpClient::new(NetworkPolicy::default());
    let Some(path) = ca_file else { return Ok(http) };
    let unusable = |why: String| {
        let message = format!("the file `{}` of `--ca-file` cannot be used: {why}", path.display());
        Failure::new(Exit::Invalid, message)
    };
    let pem = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    http.trusting(&pem).map_err(|error| unusable(error.message))
}

/// What may be made anew at any time is kept here.
fn cache_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("nictate")
}

fn failure(error: LinkError) -> Failure {
    let exit = match &error {
        LinkError::Refused { status: 401 | 403, .. } => Exit::Denied,
        LinkError::Refused { status: 404, .. } => Exit::NotFound,
        LinkError::Refused { .. } => Exit::Failed,
        LinkError::Unusable(_) => Exit::Invalid,
    };
    let failure = Failure::new(exit, error.to_string());
    match exit {
        Exit::Denied => failure.hint("`nictate runner-groups rotate-token GROUP` makes a new token"),
        Exit::NotFound => failure.hint("`nictate runner-groups list` shows the groups there are"),
        _ => failure,
    }
}
