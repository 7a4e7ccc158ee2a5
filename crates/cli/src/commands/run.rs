//! `nictate run FILE`: one run of a workflow file on this machine. The engine and a runner work in this
//! process; there is no server, and no journal: a run that is interrupted is gone.

mod drive;
mod locks;
mod report;
mod stored;

use std::sync::Arc;
use std::time::Duration;

use engine::{RunState, Start};
use runner::{Runner, RunnerSettings};
use server::config::Log;
use types::{Clock as _, ExecutionId, Rng as _, SystemClock, SystemRng};
use workflow::plan::{PlanStep, PlanValue, StepKind};
use workflow::{Metadata, Plan};

use super::serve::start_failure;
use crate::args::RunArgs;
use crate::code_host::code_host;
use crate::diagnostics::counted;
use crate::documents::{Checked, catalog};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::inputs::read_inputs;
use crate::printer::{Printer, Target};
use crate::settings;
use crate::signals::StopSignals;
use drive::Local;
use locks::Locks;
use report::Report;
use stored::Stored;

pub(crate) async fn run(args: &RunArgs, printer: &Printer) -> Outcome {
    // The same keys as the server's, so that a file behaves here as it does there.
    let config = settings::load(&args.database.flags())?;
    settings::start_log(&Log { level: "warn".to_owned(), format: config.log.format }, printer)?;
    let mut plan = compile(args, printer)?;
    refuse_calls(&plan, args)?;
    let inputs = bind(&plan, args)?;
    choose_connections(&mut plan, args, printer);
    let named = named_connections(&plan);
    let stored = if named.is_empty() { None } else { Some(Stored::open(&config, &named).await?) };

    let http = server::http_client(&config).map_err(start_failure)?;
    let code = code_host(&config.sandbox, config.packages.settings(&config.server.data));
    let settings = RunnerSettings::new(http, Arc::new(SystemClock));
    let settings = RunnerSettings { code: Arc::clone(&code), ..settings };
    let (link, runner) = Runner::embedded(settings, &mut SystemRng);
    let runner = tokio::spawn(runner.run());

    let now = SystemClock.now();
    let id = ExecutionId::new(now, &mut SystemRng);
    let mut seed = [0; 32];
    SystemRng.fill(&mut seed);
    let millis = u64::try_from(config.limits.execution_run_time_ms).unwrap_or(u64::MAX);
    let start = Start {
        inputs,
        event: expr::Value::Nil,
        metadata: metadata(&plan, args, id, now.as_millis()),
        seed,
        run_time: plan.run_time(args.timeout.map_or(Duration::from_millis(millis), Duration::from_secs)),
    };
    let network = protocol::NetworkPolicy {
        allow_private: config.http.allow_private,
        allowed_networks: config.http.allowed_networks.clone(),
        allowed_endpoints: Vec::new(),
    };
    let mut report = Report::new(printer);
    let local = Local::new(id, link, stored, Locks::new(code), network, StopSignals::listen()?);
    let execution = local.drive(Arc::new(plan), start, &mut report).await?;
    runner.abort();
    report.end(&execution);
    Ok(if execution.state() == RunState::Completed { Exit::Ok } else { Exit::RunIncomplete })
}

fn compile(args: &RunArgs, printer: &Printer) -> Outcome<Plan> {
    // Types of the server's own are known where the database is; here the ones that are used will do.
    let more_types = args.connections.iter().map(|(kind, _)| kind.clone());
    let checked = Checked::read(&args.file, &catalog(more_types))?;
    checked.print(printer, Target::Err);
    let (errors, _) = checked.counts();
    checked.plan.ok_or_else(|| {
        Failure::new(Exit::Invalid, format!("`{}` cannot be run: {}", checked.file, counted(errors, 0)))
    })
}

/// There is no server here whose workflows could be called.
fn refuse_calls(plan: &Plan, args: &RunArgs) -> Outcome<()> {
    let calls = |step: &&PlanStep| {
        let mocked = step.settings.mock_output.is_some();
        let disabled = matches!(step.settings.when, Some(PlanValue::Literal(expr::Value::Bool(false))));
        matches!(step.kind, StepKind::Subflow(_)) && !mocked && !disabled
    };
    let Some(step) = plan.steps.iter().find(calls) else { return Ok(()) };
    let (file, id, action) = (args.file.display(), &step.id, &step.action);
    let message = format!("`{file}` cannot be run here: step `{id}` calls another workflow, `{action}`");
    Err(Failure::new(Exit::Invalid, message)
        .hint("run it on a server, or give the step `mock_output_enabled: true` and a `mock_output`"))
}

fn bind(plan: &Plan, args: &RunArgs) -> Outcome<expr::Map> {
    workflow::bind_inputs(&plan.inputs, read_inputs(&args.inputs)?).map_err(|errors| {
        let details = errors.iter().map(ToString::to_string);
        Failure::new(Exit::Invalid, "the inputs are not what the workflow declares").details(details)
    })
}

/// Puts the connections of the command line in the place of those that the file names.
fn choose_connections(plan: &mut Plan, args: &RunArgs, printer: &Printer) {
    for (kind, name) in &args.connections {
        let mut used = false;
        for step in &mut plan.steps {
            if let Some(named) = step.connections.get_mut(kind) {
                named.clone_from(name);
                used = true;
            }
        }
        if !used {
            printer.warn(&format!("no step of the workflow uses a connection of type `{kind}`"));
        }
    }
}

/// The connections of steps that a runner carries out: type and name, each once.
fn named_connections(plan: &Plan) -> Vec<(String, String)> {
    let effects = plan.steps.iter().filter(|step| matches!(step.kind, StepKind::Effect { .. }));
    let mut named: Vec<_> = effects
        .flat_map(|step| step.connections.iter().map(|(kind, name)| (kind.clone(), name.clone())))
        .collect();
    named.sort();
    named.dedup();
    named
}

/// What `metadata.*` answers where there is no server.
fn metadata(plan: &Plan, args: &RunArgs, id: ExecutionId, now_ms: i64) -> expr::Map {
    let stem = || args.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Metadata {
        automation_name: plan.name.clone().unwrap_or_else(stem),
        execution_id: id.to_string(),
        start_time: now_ms,
        ..Metadata::default()
    }
    .into()
}
