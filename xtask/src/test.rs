//! `cargo xtask test`: everything, in one go. `.ci/run` calls this and nothing else. A failed stage does
//! not end the run: the summary at the end is the whole truth. PostgreSQL is ours and is always stopped.

use std::time::Duration;

use crate::failure::{Failure, Outcome};
use crate::fuzz;
use crate::generate;
use crate::packages::{self, CHROMIUM, NODE, NPM, POSTGRES};
use crate::postgres::{Durability, Postgres};
use crate::shell::{self, cargo, find_program};
use crate::stopwatch::Stopwatch;
use crate::tidy;
use crate::uv;

/// The list to read: what is checked, in this order.
const STAGES: &[Stage] = &[
    Stage { name: "packages", needs: None, run: |_| ensure_packages() },
    Stage { name: "format", needs: None, run: |_| shell::run(&mut cargo(["fmt", "--all", "--check"])) },
    Stage { name: "tidy", needs: None, run: |_| tidy::run() },
    Stage { name: "clippy", needs: None, run: |_| clippy() },
    Stage { name: "rust", needs: None, run: rust_tests },
    Stage {
        name: "doc tests",
        needs: None,
        run: |_| shell::run(&mut cargo(["test", "--workspace", "--doc"])),
    },
    Stage { name: "generated", needs: None, run: |_| generate::run(&generate::Arguments { check: true }) },
    Stage { name: "fuzz", needs: None, run: |_| fuzz::run() },
    Stage { name: "web packages", needs: None, run: |_| npm(&["ci", "--no-audit", "--no-fund"]) },
    Stage { name: "web types", needs: None, run: |_| npm(&["run", "--silent", "types"]) },
    Stage { name: "web units", needs: None, run: |_| npm(&["run", "--silent", "test:units"]) },
    Stage { name: "browser", needs: None, run: |_| browser_tests() },
    Stage { name: "licences", needs: Some("cargo-deny"), run: |_| shell::run(&mut cargo(["deny", "check"])) },
];

struct Stage {
    name: &'static str,
    /// A program without which the stage is left out, and the summary says so.
    needs: Option<&'static str>,
    run: fn(&mut Machine) -> Outcome,
}

/// What stages share.
#[derive(Default)]
struct Machine {
    postgres: Option<Postgres>,
}

impl Machine {
    /// The address of our PostgreSQL, started at the first call.
    fn postgres_url(&mut self) -> Outcome<String> {
        if self.postgres.is_none() {
            self.postgres = Some(Postgres::start(Durability::None)?);
        }
        self.postgres.as_ref().map(Postgres::url).ok_or_else(|| Failure::new("PostgreSQL is not there"))
    }
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these stages, such as `format tidy`. Without any: all.
    stages: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let unknown = arguments.stages.iter().find(|name| !STAGES.iter().any(|stage| stage.name == *name));
    if let Some(name) = unknown {
        let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        return Err(Failure::new(format!("no stage `{name}`; there are: {}", names.join(", "))));
    }
    let wanted = |stage: &&Stage| {
        arguments.stages.is_empty() || arguments.stages.iter().any(|name| name == stage.name)
    };

    let mut machine = Machine::default();
    let reports: Vec<Report> =
        STAGES.iter().filter(wanted).map(|stage| run_stage(stage, &mut machine)).collect();
    drop(machine);
    summarize(&reports)
}

struct Report {
    name: &'static str,
    took: Duration,
    ended: Ended,
}

enum Ended {
    Passed,
    Failed(Failure),
    LeftOut(&'static str),
}

fn run_stage(stage: &Stage, machine: &mut Machine) -> Report {
    println!("\n=== {}", stage.name);
    let stopwatch = Stopwatch::start();
    let ended = match stage.needs.filter(|program| find_program(program).is_none()) {
        Some(program) => Ended::LeftOut(program),
        None => match (stage.run)(machine) {
            Ok(()) => Ended::Passed,
            Err(failure) => {
                eprintln!("error: {failure}");
                Ended::Failed(failure)
            }
        },
    };
    Report { name: stage.name, took: stopwatch.elapsed(), ended }
}

fn summarize(reports: &[Report]) -> Outcome {
    println!("\n=== summary");
    let (mut passed, mut failed) = (0, 0);
    for Report { name, took, ended } in reports {
        let took = took.as_secs_f64();
        match ended {
            Ended::Passed => {
                passed += 1;
                println!("{name:<14}{took:>7.1} s  passed");
            }
            Ended::Failed(failure) => {
                failed += 1;
                println!("{name:<14}{took:>7.1} s  FAILED: {failure}");
            }
            Ended::LeftOut(program) => {
                println!("{name:<14}{:>7}    left out: `{program}` is not installed", "-")
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { Ok(()) } else { Err(Failure::new(format!("failed stages: {failed}"))) }
}

fn ensure_packages() -> Outcome {
    packages::ensure(&[POSTGRES, CHROMIUM, NODE, NPM])?;
    uv::ensure().map(drop)
}

fn clippy() -> Outcome {
    // The feature is named so that the code behind it is read too.
    let words = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        "xtask/bare-handler",
        "--",
        "-D",
        "warnings",
    ];
    shell::run(&mut cargo(words))
}

fn rust_tests(machine: &mut Machine) -> Outcome {
    let (url, uv) = (machine.postgres_url()?, uv::ensure()?);
    let mut command = match find_program("cargo-nextest") {
        Some(_) => cargo(["nextest", "run", "--workspace", "--no-fail-fast"]),
        None => cargo(["test", "--workspace", "--no-fail-fast", "--bins", "--lib", "--tests"]),
    };
    shell::run(command.env("NICTATE_TEST_POSTGRES_URL", url).env("NICTATE_TEST_UV", uv))
}

fn browser_tests() -> Outcome {
    let nictate = shell::build_nictate(shell::Profile::Debug)?;
    let mut tests = npm_command(&["run", "--silent", "test:browser"]);
    tests.env("NICTATE_TEST_BINARY", nictate);
    if let Some(chromium) = CHROMIUM.path() {
        tests.env("NICTATE_TEST_CHROMIUM", chromium);
    }
    shell::run(&mut tests)
}

fn npm(words: &[&str]) -> Outcome {
    shell::run(&mut npm_command(words))
}

fn npm_command(words: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new("npm");
    command.args(words).current_dir(shell::root().join("web"));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ended: Ended) -> Report {
        Report { name: "some stage", took: Duration::from_secs(1), ended }
    }

    #[test]
    fn one_failed_stage_fails_the_run() {
        let reports = [report(Ended::Passed), report(Ended::Failed(Failure::new("broken")))];
        assert_eq!(summarize(&reports).unwrap_err().to_string(), "failed stages: 1");
    }

    #[test]
    fn a_stage_left_out_is_no_failure() {
        assert!(summarize(&[report(Ended::Passed), report(Ended::LeftOut("cargo-deny"))]).is_ok());
    }

    #[test]
    fn an_unknown_stage_is_refused_with_the_names_of_all() {
        let failure = run(&Arguments { stages: vec!["fromat".into()] }).unwrap_err();
        assert!(
            failure.to_string().starts_with("no stage `fromat`; there are: packages, format"),
            "{failure}"
        );
    }

    #[test]
    fn a_missing_program_leaves_its_stage_out() {
        let stage = Stage { name: "x", needs: Some("no-such-program"), run: |_| Err(Failure::new("ran")) };
        let report = run_stage(&stage, &mut Machine::default());
        assert!(matches!(report.ended, Ended::LeftOut("no-such-program")));
    }
}
