//! `nictate serve`: the server with its embedded runner, until it is asked to stop.

mod example;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use actions::CodeHost;
use runner::{Runner, RunnerLink, RunnerSettings};
use secrets::Secret;
use serde_json::json;
use server::config::{Config, Flags};
use server::{RunnerChannel, Server, StartError};
use types::{SystemClock, SystemRng, WorkspaceId};

use crate::args::ServeArgs;
use crate::code_host::code_host;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome, chain};
use crate::printer::{Printer, Target, Tone};
use crate::settings;
use crate::signals::StopSignals;
use example::Example;

pub(crate) async fn run(args: &ServeArgs, printer: &Printer) -> Outcome {
    let flags = Flags { listen: args.listen.clone(), ..args.database.flags() };
    let config = settings::load(&flags)?;
    settings::start_log(&config.log, printer)?;
    // A wrong file is told before anything starts.
    let example = args.example.as_deref().map(Example::read).transpose()?;
    let mut stop = StopSignals::listen()?;

    let code = code_host(&config.sandbox, config.packages.settings(&config.server.data));
    let server = start(config.clone(), Arc::clone(&code)).await?;
    let first = First::of(&server, config);
    announce(printer, &server, first.as_ref());
    let first_run = async {
        let (Some(example), Some(first)) = (example, first) else { return };
        // The server is none the worse for an example that fails.
        if let Err(failure) = example.run(printer, &first).await {
            printer.complain(&failure);
        }
    };
    // The server is ready before its sandbox is.
    let announced = tokio::spawn(async move { code.announce().await });
    tokio::join!(server.run(stop.received()), first_run);
    announced.abort();
    Ok(Exit::Ok)
}

/// What a first start made, and how to reach it.
struct First {
    /// Where this process reaches its own server.
    url: String,
    /// Where everybody else does.
    public_url: String,
    workspace: WorkspaceId,
    key: Secret<String>,
    /// The key was made, not given: it must be shown.
    show_key: bool,
    /// The first admin's address.
    email: String,
    /// The link with which they set a password; none where the configuration gave one.
    password_link: Option<Secret<String>>,
}

impl First {
    fn of(server: &Server, config: Config) -> Option<Self> {
        let made = server.first_start()?;
        let (key, show_key) = match &made.api_key {
            Some(key) => (key.expose().clone(), true),
            None => (config.bootstrap.api_key, false),
        };
        let url = format!("http://{}", reachable(server.address()));
        let public_url = server.public_url().to_owned();
        Some(Self {
            password_link: made.password_link(&public_url),
            url,
            public_url,
            workspace: made.workspace,
            key: Secret::new(key),
            show_key,
            email: made.email.clone(),
        })
    }
}

async fn start(config: Config, code: Arc<CodeHost>) -> Outcome<Server> {
    let http = server::http_client(&config).map_err(start_failure)?;
    let clock = Arc::new(SystemClock);
    let capacity = u32::try_from(config.limits.runner_capacity).unwrap_or(u32::MAX);
    let settings = RunnerSettings { capacity, code, ..RunnerSettings::new(http.clone(), clock.clone()) };
    let (link, runner) = Runner::embedded(settings, &mut SystemRng);
    tokio::spawn(runner.run());
    let RunnerLink { to_runner, from_runner, session, lease } = link;
    let channel = RunnerChannel { to_runner, from_runner, session, lease };
    Server::start(config, channel, http, clock).await.map_err(start_failure)
}

/// The failure that tells why the stores of a server cannot be opened.
pub(super) fn start_failure(error: StartError) -> Failure {
    let exit = match error {
        StartError::Url(_) | StartError::Authorities(_) | StartError::Password(_) => Exit::Invalid,
        _ => Exit::Failed,
    };
    Failure::new(exit, chain(&error))
}

fn announce(printer: &Printer, server: &Server, first: Option<&First>) {
    let url = server.public_url();
    if printer.is_json() {
        let first = first.map(|first| {
            let key = first.show_key.then(|| first.key.expose());
            let link = first.password_link.as_ref().map(Secret::expose);
            json!({
                "workspace_id": first.workspace,
                "api_key": key,
                "email": first.email,
                "password_link": link,
            })
        });
        printer.json(&json!({"address": server.address(), "url": url, "first_start": first}));
        return;
    }
    let strong = |text: &str| printer.paint(Target::Out, Tone::Heading, text);
    printer.line(&format!("nictate {} serves {}", env!("CARGO_PKG_VERSION"), strong(url)));
    printer.line(&format!("  API reference  {url}/docs"));
    if let Some(first) = first {
        printer.line(&format!("  workspace      {}", first.workspace));
        if first.show_key {
            printer.line(&format!("  first API key  {}", strong(first.key.expose())));
            printer.line("  The key is shown this once: keep it, for example in NICTATE_API_KEY.");
        }
        printer.line(&format!("  first admin    {}", first.email));
        if let Some(link) = &first.password_link {
            printer.line(&format!("  set password   {}", strong(link.expose())));
            printer.line("  The link is shown this once, and is good once and for a day.");
        }
    }
}

/// An address to connect to: a server that listens on all addresses is reached over loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
