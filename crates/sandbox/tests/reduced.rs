//! A kernel that gives no user namespaces: refused, unless the operator accepts the reduced form; and what that holds.

mod common;

use std::time::Duration;

use common::{run, without_mounts, without_namespaces, without_namespaces_as_root};
use sandbox::{
    End, Finished, Language, Level, Network, Part, Program, Sandbox, SandboxError, SandboxSettings,
};
use tokio_util::sync::CancellationToken;

fn reduced(settings: SandboxSettings) -> SandboxSettings {
    SandboxSettings { level: Level::Reduced, ..settings }
}

/// As a plain user, and as root where the test runs as root.
async fn each_form() -> Vec<Sandbox> {
    let mut all = vec![Sandbox::start(reduced(without_namespaces())).await.expect("the host starts")];
    if nix::unistd::geteuid().is_root() {
        let root = Sandbox::start(reduced(without_namespaces_as_root())).await.expect("the host starts");
        assert!(!root.report().has(Part::User), "{}", root.report());
        all.push(root);
    }
    all
}

async fn refused(sandbox: &Sandbox, program: Program) -> SandboxError {
    let refused = sandbox.run(program, &|_, _| {}, &CancellationToken::new()).await;
    refused.expect_err("it is refused")
}

fn text(finished: &Finished) -> &str {
    std::str::from_utf8(&finished.stdout).expect("it is text")
}

#[tokio::test]
async fn without_user_namespaces_programs_are_refused() {
    let sandbox = Sandbox::start(without_namespaces()).await.expect("the host starts");
    assert!(!sandbox.report().has(Part::User), "{}", sandbox.report());
    let line = sandbox.report().to_string();
    assert!(line.starts_with("reduced: seccomp rlimits"), "{line}");
    assert!(
        line.contains("without user (no space left on device), mount (needs a user namespace)"),
        "{line}"
    );
    let why = refused(&sandbox, Program::new(Language::Bash, "echo 1")).await.to_string();
    assert!(why.starts_with("the sandbox cannot be used: no `user` (no space left on device)"), "{why}");
}

#[tokio::test]
async fn namespaces_without_mounts_are_not_enough() {
    let sandbox = Sandbox::start(without_mounts()).await.expect("the host starts");
    let why = refused(&sandbox, Program::new(Language::Bash, "echo 1")).await.to_string();
    assert_eq!(why, "the sandbox cannot be used: no `mount` (permission denied)");
    let sandbox = Sandbox::start(reduced(without_mounts())).await.expect("the host starts");
    for (language, code) in [(Language::Bash, "echo 1"), (Language::Python, "import tempfile; print(1)")] {
        let finished = run(&sandbox, Program::new(language, code)).await;
        assert_eq!(text(&finished), "1\n", "{finished:?}");
    }
    let finished = run(&sandbox, Program::new(Language::Bash, "id -u; cat /etc/shadow")).await;
    assert_ne!(text(&finished), "0\n");
    assert!(String::from_utf8_lossy(&finished.stderr).contains("ermission denied"), "{finished:?}");
}

#[tokio::test]
async fn without_file_rules_there_is_no_reduced_form() {
    let mut settings = reduced(without_namespaces());
    settings.without = vec![Part::Landlock];
    let sandbox = Sandbox::start(settings).await.expect("the host starts");
    let why = refused(&sandbox, Program::new(Language::Bash, "echo 1")).await.to_string();
    assert!(why.ends_with("; the reduced form needs seccomp and Landlock 3"), "{why}");
}

#[tokio::test]
async fn programs_run_in_the_reduced_form() {
    for sandbox in each_form().await {
        let code = "import os, json, tempfile\nopen('a', 'w').write('x')\ntempfile.TemporaryFile()\nresult = [context, open('b/c').read(), os.listdir('.')]";
        let mut program = Program::new(Language::Python, code);
        program.context = b"1".to_vec();
        program.files = vec![("b/c".to_owned(), b"y".to_vec())];
        for _ in 0..3 {
            let finished = run(&sandbox, program.clone()).await;
            let result = finished.result.clone().map(|result| String::from_utf8(result).expect("it is text"));
            assert!(
                matches!(
                    result.as_deref(),
                    Some("[1, \"y\", [\"b\", \"a\"]]" | "[1, \"y\", [\"a\", \"b\"]]")
                ),
                "{finished:?}"
            );
        }
        let finished =
            run(&sandbox, Program::new(Language::Bash, "echo $((1 + 1)) >x; cat x | tr 2 3; ls")).await;
        assert_eq!(text(&finished), "3\nx\n", "{finished:?}");
        let finished = run(&sandbox, Program::new(Language::JavaScript, "console.log(1)")).await;
        assert_eq!(text(&finished), "1\n", "{finished:?}");
    }
}

#[tokio::test]
async fn packages_are_imported_in_the_reduced_form() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(folder.path().join("colour.py"), "NAME = 'red'").expect("a file can be written");
    // Of another uid than the program's.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("it is ours");
    for sandbox in each_form().await {
        let mut program = Program::new(Language::Python, "import colour; print(colour.NAME)");
        program.packages = Some(folder.path().to_owned());
        let finished = run(&sandbox, program).await;
        assert_eq!(text(&finished), "red\n", "{finished:?}");
    }
}

#[tokio::test]
async fn nothing_outlives_a_program_in_the_reduced_form() {
    for sandbox in each_form().await {
        let code = "sleep 86398.5 & (sleep 86398.5 &) ; echo started";
        assert_eq!(text(&run(&sandbox, Program::new(Language::Bash, code)).await), "started\n");
        let code = "import os, time\nif not os.fork():\n    os.execv('/bin/sleep', ['sleep', '86398.5'])\ntime.sleep(0.1)";
        assert_eq!(run(&sandbox, Program::new(Language::Python, code)).await.end, End::Returned);
        let mut program = Program::new(Language::Bash, "sleep 86398.5 & wait");
        program.limits.wall = Duration::from_millis(200);
        assert_eq!(run(&sandbox, program).await.end, End::TimedOut { limit: Duration::from_millis(200) });
        let begun = tokio::time::Instant::now();
        while is_running("86398.5") {
            assert!(begun.elapsed() < Duration::from_secs(30), "something still runs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn is_running(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.into_iter().any(|line| line.split(|byte| *byte == 0).any(|part| part == word.as_bytes()))
}

#[tokio::test]
async fn there_is_no_network_in_the_reduced_form() {
    struct Nobody;
    impl sandbox::Egress for Nobody {
        fn dial<'a>(
            &'a self,
            _: &'a str,
            _: u16,
        ) -> futures_util::future::BoxFuture<'a, std::io::Result<tokio::net::TcpStream>> {
            Box::pin(async { Err(std::io::ErrorKind::Unsupported.into()) })
        }
    }
    let sandbox = Sandbox::start(reduced(without_namespaces())).await.expect("the host starts");
    let mut program = Program::new(Language::Bash, "echo 1");
    program.network = Network::Guarded(std::sync::Arc::new(Nobody));
    let why = refused(&sandbox, program).await.to_string();
    assert_eq!(why, "the sandbox cannot be used: the reduced form has no network at all");
}
