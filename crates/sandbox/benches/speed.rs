//! What a program costs in a sandbox of its own, printed as a table: `cargo bench -p sandbox`; part of
//! `cargo xtask bench`. Beside it stands what the same program costs as a bare process of the machine, without any
//! wall, measured in turns with it.

// A measurement needs the machine's clock, and somebody to tell.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use sandbox::{End, HostCommand, Language, Program, Sandbox, SandboxSettings};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Programs one at a time.
const SINGLE: usize = 300;
/// Programs of a figure for many at a time.
const MANY: usize = 600;
/// Programs at the same time.
const AT_A_TIME: usize = 32;
/// Programs one after another, as other products are measured with.
const IN_A_ROW: usize = 40;
/// So many are run before anything is measured.
const WARM: usize = 10;

const FIBO: &str = "def fibo(n):\n    return n if n < 2 else fibo(n - 1) + fibo(n - 2)\nprint(fibo(10))";

/// A program, and the same as a process of the machine.
struct Case {
    what: &'static str,
    language: Language,
    code: &'static str,
    bare: Option<(PathBuf, &'static str)>,
}

#[tokio::main]
async fn main() {
    let sandbox = start(sandbox::PREPARED_DEFAULT).await;
    let unprepared = start(0).await;
    let python = Some((python(), "-c"));
    let bash = Some((PathBuf::from("/bin/bash"), "-c"));
    let print =
        Case { what: "Python, `print(1)`", language: Language::Python, code: "print(1)", bare: python };
    let echo = Case { what: "bash, `echo 1`", language: Language::Bash, code: "echo 1", bare: bash };
    let log = Case {
        what: "JavaScript, `console.log(1)`",
        language: Language::JavaScript,
        code: "console.log(1)",
        bare: None,
    };
    println!("| what | in a sandbox | bare process |\n|---|---:|---:|");
    for case in [&print, &echo, &log] {
        single(&sandbox, case, "one at a time").await;
    }
    single(&unprepared, &print, "one at a time, nothing prepared").await;
    for case in [&print, &echo, &log] {
        many(&sandbox, case).await;
    }
    in_a_row(&sandbox, print.bare.as_ref()).await;
}

async fn start(prepared: usize) -> Arc<Sandbox> {
    let program = env!("CARGO_BIN_EXE_sandbox-host").into();
    let host = HostCommand { program, arguments: vec![sandbox::HOST_ARGUMENT.to_owned()] };
    let settings = SandboxSettings { prepared, ..SandboxSettings::new(host) };
    Arc::new(Sandbox::start(settings).await.expect("the host starts"))
}

/// The interpreter itself, not a shim: that would be measured too.
fn python() -> PathBuf {
    let ask = ["-c", "import os, sys; print(os.path.realpath(sys.executable), end='')"];
    let output = Command::new("python3").args(ask).output().expect("there is a python3");
    String::from_utf8(output.stdout).expect("its path is text").into()
}

async fn sandboxed(sandbox: &Sandbox, language: Language, code: &str) {
    let program = Program::new(language, code);
    let finished = sandbox.run(program, &|_, _| {}, &CancellationToken::new()).await.expect("it is run");
    assert!(matches!(finished.end, End::Returned | End::Exited { code: 0 }), "{finished:?}");
    assert!(!finished.stdout.is_empty());
}

fn bare(program: &PathBuf, flag: &str, code: &str) {
    let output = Command::new(program).args([flag, code]).stdin(Stdio::null()).output().expect("it starts");
    assert!(!output.stdout.is_empty());
}

async fn single(sandbox: &Sandbox, case: &Case, how: &str) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..WARM + SINGLE {
        let begun = Instant::now();
        sandboxed(sandbox, case.language, case.code).await;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        let begun = Instant::now();
        if let Some((program, flag)) = &case.bare {
            bare(program, flag, case.code);
        }
        if round >= WARM {
            ours.push(took);
            theirs.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    let figures = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or(f64::NAN);
        format!("p50 {:.1} ms, p99 {:.1} ms", at(0.5), at(0.99))
    };
    let theirs = if case.bare.is_some() { figures(&mut theirs) } else { String::new() };
    println!("| {}, {how} | {} | {theirs} |", case.what, figures(&mut ours));
}

async fn many(sandbox: &Arc<Sandbox>, case: &Case) {
    let begun = Instant::now();
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = JoinSet::new();
    for _ in 0..MANY {
        let (sandbox, language, code) = (Arc::clone(sandbox), case.language, case.code);
        let place = Arc::clone(&places).acquire_owned().await.expect("places are never closed");
        running.spawn(async move {
            sandboxed(&sandbox, language, code).await;
            drop(place);
        });
    }
    while running.join_next().await.is_some_and(|done| done.is_ok()) {}
    let ours = MANY as f64 / begun.elapsed().as_secs_f64();
    let theirs = match &case.bare {
        None => String::new(),
        Some((program, flag)) => {
            let begun = Instant::now();
            let mut running = JoinSet::new();
            for _ in 0..MANY {
                let place = Arc::clone(&places).acquire_owned().await.expect("places are never closed");
                let mut command = tokio::process::Command::new(program);
                command.args([flag, case.code]).stdin(Stdio::null());
                running.spawn(async move {
                    let output = command.output().await.expect("it starts");
                    assert!(!output.stdout.is_empty());
                    drop(place);
                });
            }
            while running.join_next().await.is_some_and(|done| done.is_ok()) {}
            format!("{:.0}/s", MANY as f64 / begun.elapsed().as_secs_f64())
        }
    };
    println!("| {}, {AT_A_TIME} at a time | {ours:.0}/s | {theirs} |", case.what);
}

async fn in_a_row(sandbox: &Sandbox, process: Option<&(PathBuf, &'static str)>) {
    let begun = Instant::now();
    for _ in 0..IN_A_ROW {
        sandboxed(sandbox, Language::Python, FIBO).await;
    }
    let ours = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    if let Some((program, flag)) = process {
        for _ in 0..IN_A_ROW {
            bare(program, flag, FIBO);
        }
    }
    let theirs = begun.elapsed().as_secs_f64();
    println!("| Python, `fibo(10)`, {IN_A_ROW} in a row | {ours:.2} s | {theirs:.2} s |");
}
