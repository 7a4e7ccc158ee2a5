//! What a program does and returns, within its limits and beyond them, and what is left of it afterwards.

mod common;

use std::sync::Mutex;
use std::time::Duration;

use common::{full, run, sandbox, settings};
use sandbox::{End, Finished, Language, Limits, Program, Sandbox, SandboxError, Stream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Who runs so long runs for ever.
const LONG: Duration = Duration::from_secs(30);

async fn limited(sandbox: &Sandbox, language: Language, code: &str, limits: Limits) -> Finished {
    let mut program = Program::new(language, code);
    program.limits = limits;
    timeout(LONG, run(sandbox, program)).await.expect("it ends in time")
}

async fn python(sandbox: &Sandbox, code: &str) -> Finished {
    limited(sandbox, Language::Python, code, Limits::default()).await
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it is text")
}

#[tokio::test]
async fn python_prints_and_returns() {
    let sandbox = sandbox().await;
    let mut program = Program::new(Language::Python, "print('hello')\nresult = {'n': context['a'] + 1}");
    program.context = b"{\"a\": 41}".to_vec();
    let finished = run(&sandbox, program).await;
    assert_eq!(finished.end, End::Returned, "{finished:?}");
    assert_eq!(finished.stdout, b"hello\n");
    assert_eq!(finished.result.as_deref(), Some(&b"{\"n\": 42}"[..]));
}

#[tokio::test]
async fn bash_prints_and_exits() {
    let sandbox = sandbox().await;
    let finished = run(&sandbox, Program::new(Language::Bash, "echo hello; echo bad >&2; exit 3")).await;
    assert_eq!(finished.end, End::Exited { code: 3 }, "{finished:?}");
    assert_eq!((finished.stdout, finished.stderr), (b"hello\n".to_vec(), b"bad\n".to_vec()));
}

#[tokio::test]
async fn javascript_prints_and_returns() {
    let sandbox = sandbox().await;
    let code = "console.log('hello', [1]); console.error('bad'); result = {n: context.a + 1}";
    let mut program = Program::new(Language::JavaScript, code);
    program.context = b"{\"a\": 41}".to_vec();
    let finished = run(&sandbox, program).await;
    assert_eq!(finished.end, End::Returned, "{finished:?}");
    assert_eq!((finished.stdout, finished.stderr), (b"hello [1]\n".to_vec(), b"bad\n".to_vec()));
    assert_eq!(finished.result.as_deref(), Some(&b"{\"n\":42}"[..]));
}

#[tokio::test]
async fn what_python_raises_is_told_with_the_line_of_the_code() {
    let sandbox = sandbox().await;
    let End::Raised { message, traceback } = python(&sandbox, "x = 1\nx / 0").await.end else {
        unreachable!("it raises")
    };
    assert_eq!(message, "ZeroDivisionError: division by zero");
    assert!(traceback.contains("File \"<step>\", line 2"), "{traceback}");
    assert!(!traceback.contains("zygote"), "{traceback}");
    let End::Raised { message, .. } = python(&sandbox, "x = = 1").await.end else {
        unreachable!("it does not compile")
    };
    assert_eq!(message, "SyntaxError: invalid syntax");
}

#[tokio::test]
async fn what_javascript_throws_is_told() {
    let sandbox = sandbox().await;
    let check = async |code: &str, expected: &str| {
        let finished = limited(&sandbox, Language::JavaScript, code, Limits::default()).await;
        let End::Raised { message, .. } = finished.end else { unreachable!("it throws: {finished:?}") };
        assert_eq!(message, expected);
    };
    check("null.x", "TypeError: cannot read property 'x' of null").await;
    check("throw 'bad'", "thrown: bad").await;
    check("const f = () => f(); f()", "RangeError: Maximum call stack size exceeded").await;
}

#[tokio::test]
async fn python_exits_with_its_code() {
    let sandbox = sandbox().await;
    assert_eq!(python(&sandbox, "import sys; sys.exit(7)").await.end, End::Exited { code: 7 });
    let said = python(&sandbox, "raise SystemExit('bad')").await;
    assert_eq!((said.end, text(&said.stderr)), (End::Exited { code: 1 }, "bad\n"));
}

#[tokio::test]
async fn lines_are_told_as_they_come() {
    let sandbox = sandbox().await;
    let begun = Instant::now();
    let lines = Mutex::new(Vec::new());
    let on_line = |stream: Stream, line: &str| {
        lines.lock().expect("no line panics").push((stream, line.to_owned(), begun.elapsed()));
    };
    let code =
        "import sys, time\nprint('a')\nprint('b', file=sys.stderr)\ntime.sleep(0.5)\nprint('c', end='')";
    let program = Program::new(Language::Python, code);
    sandbox.run(program, &on_line, &CancellationToken::new()).await.expect("it is run");
    let mut lines = lines.into_inner().expect("no line panics");
    lines.sort_by(|one, other| one.1.cmp(&other.1));
    let said: Vec<_> = lines.iter().map(|(stream, line, _)| (*stream, line.as_str())).collect();
    assert_eq!(said, [(Stream::Stdout, "a"), (Stream::Stderr, "b"), (Stream::Stdout, "c")]);
    assert!(lines[2].2 - lines[0].2 > Duration::from_millis(400), "{lines:?}");
}

#[tokio::test]
async fn a_long_line_is_told_in_pieces() {
    let sandbox = sandbox().await;
    let lengths = Mutex::new(Vec::new());
    let on_line = |_: Stream, line: &str| lengths.lock().expect("no line panics").push(line.len());
    let program = Program::new(Language::Python, "print('x' * 40000)");
    sandbox.run(program, &on_line, &CancellationToken::new()).await.expect("it is run");
    let most = sandbox::LINE_BYTES_MAX;
    assert_eq!(lengths.into_inner().expect("no line panics"), [most, most, 40000 - 2 * most]);
}

#[tokio::test]
async fn input_files_lie_in_the_working_folder() {
    let sandbox = sandbox().await;
    for (language, code) in [
        (Language::Python, "print(open('a.txt').read() + open('b/c.txt').read())"),
        (Language::Bash, "cat a.txt b/c.txt; echo"),
    ] {
        let mut program = Program::new(language, code);
        program.files = vec![("a.txt".to_owned(), b"one".to_vec()), ("b/c.txt".to_owned(), b"two".to_vec())];
        assert_eq!(text(&run(&sandbox, program).await.stdout), "onetwo\n");
    }
}

#[tokio::test]
async fn input_files_that_do_not_fit_are_told() {
    let sandbox = sandbox().await;
    for language in [Language::Python, Language::Bash] {
        let mut program = Program::new(language, "");
        program.limits.tmp_bytes = 64 * 1024;
        program.files = vec![("a".to_owned(), vec![0; 128 * 1024])];
        let refused = sandbox.run(program, &|_, _| {}, &CancellationToken::new()).await;
        let refused = refused.expect_err("it does not fit");
        assert!(!refused.is_retryable());
        assert!(refused.to_string().contains("o space left on device"), "{refused}");
    }
}

#[tokio::test]
async fn packages_are_imported_before_others() {
    let sandbox = sandbox().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(folder.path().join("colour.py"), "NAME = 'red'").expect("a file can be written");
    let mut program = Program::new(Language::Python, "import colour; print(colour.NAME)");
    program.packages = Some(folder.path().to_owned());
    for _ in 0..3 {
        assert_eq!(text(&run(&sandbox, program.clone()).await.stdout), "red\n");
    }
    program.packages = Some(folder.path().join("none"));
    let refused = sandbox.run(program, &|_, _| {}, &CancellationToken::new()).await;
    assert!(matches!(refused, Err(SandboxError::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_before_it_is_run() {
    let sandbox = sandbox().await;
    let check = async |change: &dyn Fn(&mut Program), expected: &str| {
        let mut program = Program::new(Language::Python, "");
        change(&mut program);
        let refused = sandbox.run(program, &|_, _| {}, &CancellationToken::new()).await;
        assert_eq!(refused.expect_err("it is refused").to_string(), expected);
    };
    check(&|program| program.code = " ".repeat(1024 * 1024 + 1), "code: `1048577` bytes, at most `1048576`")
        .await;
    check(&|program| program.limits.processes = 0, "limit `processes` is `0`, not between `1` and `4096`")
        .await;
    check(
        &|program| program.limits.wall = Duration::ZERO,
        "limit `wall_ms` is `0`, not between `10` and `86400000`",
    )
    .await;
    for name in ["/etc/x", "../x", "a/../b", "", "a//b", "a\0b"] {
        let files = vec![(name.to_owned(), Vec::new())];
        check(&|program| program.files.clone_from(&files), &format!("`{name}` is no name for an input file"))
            .await;
    }
    let large = vec![("x".to_owned(), vec![0; 16 * 1024 * 1024 + 1])];
    let expected = "input files: `16777217` bytes, at most `16777216`";
    check(&|program| program.files.clone_from(&large), expected).await;
    let expected = "context: `67108865` bytes, at most `67108864`";
    check(&|program| program.context = vec![b' '; 64 * 1024 * 1024 + 1], expected).await;
    let many = vec![("x".to_owned(), Vec::new()); 65];
    check(&|program| program.files.clone_from(&many), "`65` input files, at most `64`").await;
    check(&|program| program.packages = Some("x".into()), "the folder of packages `x` is not absolute").await;
}

#[tokio::test]
async fn a_program_is_killed_when_its_time_is_over() {
    let sandbox = sandbox().await;
    let limits = Limits { wall: Duration::from_millis(300), ..Limits::default() };
    for (language, code) in [
        (Language::Python, "print('begun')\nwhile True: pass"),
        (Language::Bash, "echo begun; while :; do :; done"),
        (Language::JavaScript, "console.log('begun'); for (;;) {}"),
    ] {
        let finished = limited(&sandbox, language, code, limits).await;
        assert_eq!(finished.end, End::TimedOut { limit: limits.wall }, "{language}");
        assert_eq!(text(&finished.stdout), "begun\n");
        assert!(finished.ran_for >= limits.wall && finished.ran_for < LONG, "{finished:?}");
    }
}

#[tokio::test]
async fn processor_time_is_limited_by_itself() {
    let sandbox = sandbox().await;
    let limits = Limits { cpu: Duration::from_secs(1), ..Limits::default() };
    for (language, code) in [(Language::Python, "while True: pass"), (Language::JavaScript, "for (;;) {}")] {
        let finished = limited(&sandbox, language, code, limits).await;
        assert_eq!(finished.end, End::OutOfCpu { limit: limits.cpu }, "{language}");
    }
}

#[tokio::test]
async fn memory_is_limited() {
    let sandbox = sandbox().await;
    let limits = Limits { memory_bytes: 64 << 20, ..Limits::default() };
    let check = async |language, code: &str| {
        let finished = limited(&sandbox, language, code, limits).await;
        assert_eq!(finished.end, End::OutOfMemory { limit_bytes: limits.memory_bytes }, "{finished:?}");
    };
    check(Language::Python, "data = bytearray(200 << 20)").await;
    check(Language::JavaScript, "const all = []; for (;;) all.push(new Array(1000).fill(1))").await;
    let children = "import os, time\nfor _ in range(4):\n    if not os.fork():\n        data = bytearray(b'x') * (45 << 20)\n        time.sleep(60)\ntime.sleep(60)";
    check(Language::Python, children).await;
}

#[tokio::test]
async fn output_is_limited_and_what_is_within_is_kept() {
    let sandbox = sandbox().await;
    let limits = Limits { output_bytes: 1000, ..Limits::default() };
    for (language, code) in [
        (
            Language::Python,
            "import sys\nwhile True:\n    print('x' * 99)\n    print('y' * 99, file=sys.stderr)",
        ),
        (Language::Bash, "while :; do echo x; echo y >&2; done"),
        (Language::JavaScript, "for (;;) console.log('x')"),
    ] {
        let finished = limited(&sandbox, language, code, limits).await;
        assert_eq!(finished.end, End::TooMuchOutput { limit_bytes: 1000 }, "{language}");
        assert_eq!(finished.stdout.len() + finished.stderr.len(), 1000);
    }
    let exact = limited(&sandbox, Language::Python, "print('x' * 999)", limits).await;
    assert_eq!((exact.end, exact.stdout.len()), (End::Returned, 1000));
}

#[tokio::test]
async fn a_result_is_limited() {
    let sandbox = sandbox().await;
    let limits = Limits { result_bytes: 1000, ..Limits::default() };
    for (length, fits) in [(998, true), (999, false), (10_000_000, false)] {
        let code = format!("result = 'x' * {length}");
        let finished = limited(&sandbox, Language::Python, &code, limits).await;
        let expected = if fits { End::Returned } else { End::ResultTooLarge { limit_bytes: 1000 } };
        assert_eq!((finished.end, finished.result.is_some()), (expected, fits), "{length}");
    }
}

#[tokio::test]
async fn a_program_that_nobody_wants_is_killed() {
    let sandbox = sandbox().await;
    let cancelled = CancellationToken::new();
    let program = Program::new(Language::Python, "import time; time.sleep(60)");
    let running = sandbox.run(program.clone(), &|_, _| {}, &cancelled);
    let cancelling = async {
        sleep(Duration::from_millis(300)).await;
        cancelled.cancel();
    };
    let (finished, ()) = tokio::join!(timeout(LONG, running), cancelling);
    assert_eq!(finished.expect("it ends").expect("it was run").end, End::Cancelled);

    let marked = Program::new(Language::Bash, "exec sleep 86399.25");
    let token = CancellationToken::new();
    let dropped = timeout(Duration::from_millis(500), sandbox.run(marked, &|_, _| {}, &token)).await;
    assert!(dropped.is_err(), "{dropped:?}");
    gone("86399.25").await;
}

#[tokio::test]
async fn nothing_that_it_started_outlives_it() {
    let sandbox = sandbox().await;
    let code = "(setsid sleep 86399.5 >/dev/null 2>&1 &) ; setsid nohup sleep 86399.5 & echo started";
    let finished = limited(&sandbox, Language::Bash, code, Limits::default()).await;
    assert_eq!(text(&finished.stdout), "started\n");
    gone("86399.5").await;
    let code = "import os, time\nif not os.fork():\n    os.setsid()\n    if not os.fork():\n        os.execv('/bin/sleep', ['sleep', '86399.75'])\n    os._exit(0)\ntime.sleep(0.2)";
    assert_eq!(python(&sandbox, code).await.end, End::Returned);
    gone("86399.75").await;
}

#[tokio::test]
async fn what_the_kernel_allows_is_one_line() {
    let line = sandbox().await.report().to_string();
    assert!(line.starts_with("full: user mount pid network ipc uts seccomp rlimits"), "{line}");
    assert!(!line.contains('\n'));
    let mut settings = settings();
    settings.without = sandbox::Part::ALL.to_vec();
    let sandbox = Sandbox::start(settings).await.expect("the host starts");
    assert_eq!(
        sandbox.report().to_string(),
        "full: user mount pid network ipc uts seccomp rlimits; \
         without proc (left out), landlock (left out), cgroup (left out)"
    );
}

/// Waits until no process of the machine has this word in its command line.
async fn gone(word: &str) {
    let begun = Instant::now();
    while is_running(word) {
        assert!(begun.elapsed() < LONG, "`{word}` still runs");
        sleep(Duration::from_millis(20)).await;
    }
}

fn is_running(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.into_iter().any(|line| line.split(|byte| *byte == 0).any(|part| part == word.as_bytes()))
}

#[tokio::test]
async fn a_program_leaves_nothing_to_the_next() {
    let sandbox = sandbox().await;
    let poison = "import builtins, json, os, sys\nbuiltins.planted = 1\njson.loads = None\nsys.path.insert(0, '/tmp')\nos.environ['PLANTED'] = '1'\nopen('/tmp/work/planted', 'w').close()";
    let look = "import builtins, json, os, sys\nresult = [hasattr(builtins, 'planted'), json.loads is None, '/tmp' in sys.path, 'PLANTED' in os.environ, os.listdir('/tmp/work'), sorted(os.listdir('/tmp'))]";
    for _ in 0..5 {
        assert_eq!(python(&sandbox, poison).await.end, End::Returned);
        let seen = python(&sandbox, look).await;
        assert_eq!(
            text(&seen.result.expect("it returns")),
            "[false, false, false, false, [], [\"shm\", \"work\"]]"
        );
    }
    let poison = "globalThis.planted = 1; Object.prototype.planted = 1; JSON.parse = null";
    let look = "result = [typeof planted, typeof ({}).planted, typeof JSON.parse]";
    for _ in 0..5 {
        limited(&sandbox, Language::JavaScript, poison, Limits::default()).await;
        let seen = limited(&sandbox, Language::JavaScript, look, Limits::default()).await;
        assert_eq!(text(&seen.result.expect("it returns")), "[\"undefined\",\"undefined\",\"function\"]");
    }
    for _ in 0..5 {
        let seen = limited(&sandbox, Language::Bash, "ls; touch planted", Limits::default()).await;
        assert_eq!(text(&seen.stdout), "");
    }
}

#[tokio::test]
async fn a_pipeline_of_bash_ends_as_elsewhere() {
    let sandbox = sandbox().await;
    let code = "yes | head -n 1; echo ${PIPESTATUS[0]}; cat <(echo sub)";
    let finished = limited(&sandbox, Language::Bash, code, Limits::default()).await;
    assert_eq!((text(&finished.stdout), text(&finished.stderr)), ("y\n141\nsub\n", ""));
}

#[tokio::test]
async fn python_has_threads_processes_and_semaphores() {
    let sandbox = sandbox().await;
    let code = "from multiprocessing.pool import ThreadPool, Pool
import subprocess
print(ThreadPool(2).map(abs, [-1, 2]), Pool(2).map(abs, [-3]))
print(subprocess.run(['echo', 'sub'], capture_output=True).stdout)";
    assert_eq!(text(&python(&sandbox, code).await.stdout), "[1, 2] [3]\nb'sub\\n'\n");
}

#[tokio::test]
async fn javascript_does_what_it_put_off() {
    let sandbox = sandbox().await;
    let code = "Promise.resolve().then(() => console.log('later')); console.log('now')";
    let finished = limited(&sandbox, Language::JavaScript, code, Limits::default()).await;
    assert_eq!(text(&finished.stdout), "now\nlater\n");
}

#[tokio::test]
async fn not_more_run_at_the_same_time_than_the_settings_say() {
    let sandbox = full(sandbox::SandboxSettings { concurrent: 2, ..settings() }).await;
    let begun = Instant::now();
    let programs = (0..4).map(|_| run(&sandbox, Program::new(Language::Bash, "sleep 0.4")));
    futures_util::future::join_all(programs).await;
    assert!(begun.elapsed() >= Duration::from_millis(800), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn programs_do_not_share_their_random_numbers() {
    let sandbox = sandbox().await;
    let code = "import random, uuid\nresult = [random.random(), str(uuid.uuid4())]";
    let one = python(&sandbox, code).await.result;
    assert_ne!(one, python(&sandbox, code).await.result);
}

#[tokio::test]
async fn many_run_at_the_same_time() {
    let sandbox = sandbox().await;
    let programs = (0..64).map(|number| {
        let language = [Language::Python, Language::Bash, Language::JavaScript][number % 3];
        let code = match language {
            Language::Python => format!("print({number})"),
            Language::Bash => format!("echo {number}"),
            Language::JavaScript => format!("console.log({number})"),
        };
        run(&sandbox, Program::new(language, code))
    });
    let finished = futures_util::future::join_all(programs).await;
    for (number, finished) in finished.iter().enumerate() {
        assert_eq!(text(&finished.stdout), format!("{number}\n"));
    }
}

#[tokio::test]
async fn another_host_is_started_when_one_dies() {
    let sandbox = sandbox().await;
    assert_eq!(python(&sandbox, "").await.end, End::Returned);
    let program = Program::new(Language::Bash, "exec sleep 86399.125");
    let token = CancellationToken::new();
    let running = sandbox.run(program, &|_, _| {}, &token);
    let killing = async {
        while !is_running("86399.125") {
            sleep(Duration::from_millis(10)).await;
        }
        let host = sandbox.host_id().await.expect("there is a host");
        let host = nix::unistd::Pid::from_raw(host.try_into().expect("it is a pid"));
        nix::sys::signal::kill(host, nix::sys::signal::Signal::SIGKILL).expect("it can be killed");
    };
    let (lost, ()) = tokio::join!(running, killing);
    let lost = lost.expect_err("nothing is known of it");
    assert_eq!(lost.to_string(), "the sandbox's host process died while the program ran");
    assert!(lost.is_retryable());
    gone("86399.125").await;
    assert_eq!(python(&sandbox, "").await.end, End::Returned);
}

#[tokio::test]
async fn another_interpreter_is_started_when_one_dies() {
    let sandbox = sandbox().await;
    assert_eq!(python(&sandbox, "").await.end, End::Returned);
    let program = Program::new(Language::Python, "import os; os.execv('/bin/sleep', ['sleep', '86399.375'])");
    let token = CancellationToken::new();
    let running = sandbox.run(program, &|_, _| {}, &token);
    let killing = async {
        while !is_running("86399.375") {
            sleep(Duration::from_millis(10)).await;
        }
        let host = sandbox.host_id().await.expect("there is a host");
        let interpreter = interpreter_of(host).expect("it is warm");
        nix::sys::signal::kill(interpreter, nix::sys::signal::Signal::SIGKILL).expect("it can be killed");
    };
    let (lost, ()) = tokio::join!(running, killing);
    assert_eq!(
        lost.expect_err("nothing is known of it").to_string(),
        "the sandbox's interpreter died while the program ran"
    );
    gone("86399.375").await;
    for _ in 0..5 {
        assert_eq!(python(&sandbox, "").await.end, End::Returned);
    }
}

/// The child of the host's child that was started with the interpreter's program.
fn interpreter_of(host: u32) -> Option<nix::unistd::Pid> {
    let children = |pid: u32| {
        let children =
            std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        children.split_whitespace().map(|pid| pid.parse::<u32>().expect("it is a pid")).collect::<Vec<_>>()
    };
    let all = children(host).into_iter().flat_map(children);
    let of_python = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("The warm Python interpreter")
    };
    all.filter(of_python).map(|pid| nix::unistd::Pid::from_raw(pid.cast_signed())).next()
}

#[tokio::test]
async fn nothing_is_left_of_a_sandbox_that_is_dropped() {
    let token = CancellationToken::new();
    let sandbox = sandbox().await;
    let program = Program::new(Language::Bash, "exec sleep 86399.0625");
    let host = sandbox.host_id().await.expect("there is a host");
    assert!(timeout(Duration::from_millis(300), sandbox.run(program, &|_, _| {}, &token)).await.is_err());
    drop(sandbox);
    gone("86399.0625").await;
    let begun = Instant::now();
    // What is left is an entry of the process table, until the runtime has read how the host ended.
    while std::fs::read_link(format!("/proc/{host}/exe")).is_ok() {
        assert!(begun.elapsed() < LONG, "the host still runs");
        sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn nothing_is_left_of_a_runner_that_is_killed() {
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime starts");
    let program = |language| match language {
        Language::Python => {
            Program::new(language, "import os; os.execv('/bin/sleep', ['sleep', '86399.03125'])")
        }
        _ => Program::new(language, "exec sleep 86399.015625"),
    };
    // SAFETY: the child starts a runtime of its own and uses nothing of the parent's.
    let runner = match unsafe { nix::unistd::fork() }.expect("a process can be made") {
        nix::unistd::ForkResult::Child => {
            runtime().block_on(async {
                let sandbox = sandbox().await;
                tokio::join!(
                    run(&sandbox, program(Language::Python)),
                    run(&sandbox, program(Language::Bash))
                );
            });
            unreachable!("they sleep for a day");
        }
        nix::unistd::ForkResult::Parent { child } => child,
    };
    runtime().block_on(async {
        let begun = Instant::now();
        while !(is_running("86399.03125") && is_running("86399.015625")) {
            assert!(begun.elapsed() < LONG, "the programs do not start");
            sleep(Duration::from_millis(10)).await;
        }
    });
    nix::sys::signal::kill(runner, nix::sys::signal::Signal::SIGKILL).expect("it can be killed");
    nix::sys::wait::waitpid(runner, None).expect("it was a child");
    runtime().block_on(async {
        gone("86399.03125").await;
        gone("86399.015625").await;
    });
}

#[tokio::test]
async fn a_prelude_decides_what_code_and_result_are() {
    let mut settings = settings();
    settings.preludes.insert(
        Language::Python,
        "def run(code, context):\n    return code.upper().encode() + context".to_owned(),
    );
    settings
        .preludes
        .insert(Language::JavaScript, "globalThis.run = async (code, text) => code + text".to_owned());
    let sandbox = Sandbox::start(settings).await.expect("the host starts");
    for (language, expected) in [(Language::Python, "ABc"), (Language::JavaScript, "abc")] {
        let mut program = Program::new(language, "ab");
        program.context = b"c".to_vec();
        let finished = run(&sandbox, program).await;
        assert_eq!(text(&finished.result.expect("it returns")), expected, "{language}");
    }
}

#[tokio::test]
async fn without_python_only_python_is_refused() {
    let mut settings = settings();
    settings.python = Some("/nowhere/python3".into());
    let sandbox = Sandbox::start(settings).await.expect("the host starts");
    let refused =
        sandbox.run(Program::new(Language::Python, ""), &|_, _| {}, &CancellationToken::new()).await;
    let refused = refused.expect_err("there is none").to_string();
    assert!(
        refused.starts_with("code in python cannot be run: `/nowhere/python3` does not start"),
        "{refused}"
    );
    let finished = run(&sandbox, Program::new(Language::Bash, "echo yes")).await;
    assert_eq!(text(&finished.stdout), "yes\n");
}

#[tokio::test]
async fn a_prelude_that_does_not_load_fails_each_program_and_not_the_host() {
    let mut settings = settings();
    settings.preludes.insert(Language::Python, "raise ValueError('bad prelude')".to_owned());
    let sandbox = Sandbox::start(settings).await.expect("the host starts");
    for _ in 0..2 {
        let program = Program::new(Language::Python, "");
        let refused = timeout(LONG, sandbox.run(program, &|_, _| {}, &CancellationToken::new())).await;
        let refused = refused.expect("it ends").expect_err("it cannot be run");
        assert!(refused.is_retryable(), "{refused}");
    }
    let finished = run(&sandbox, Program::new(Language::Bash, "echo yes")).await;
    assert_eq!(text(&finished.stdout), "yes\n");
}
