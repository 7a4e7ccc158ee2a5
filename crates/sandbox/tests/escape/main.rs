//! The escape suite: each attempt is made inside, where it must fail, and then where nothing stops it, where it must
//! succeed. docs/security.md has the table of them, held true here.

mod attempts;
#[path = "../common/mod.rs"]
mod common;
mod machine;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use attempts::{Attempt, Control, all};
use common::{full, masked_proc, run, sandbox, settings, without_namespaces};
use machine::Machine;
use sandbox::{End, Finished, Language, Level, Limits, Part, Program, Sandbox};

/// What code prints that has got out.
const ESCAPED: &str = "ESCAPED";

/// Small enough that using them up outside is little.
const LIMITS: Limits = Limits {
    wall: std::time::Duration::from_secs(20),
    cpu: std::time::Duration::from_secs(10),
    memory_bytes: 64 << 20,
    processes: 32,
    file_bytes: 8 << 20,
    tmp_bytes: 16 << 20,
    output_bytes: 1 << 20,
    result_bytes: 1 << 20,
};

const PYTHON_BEFORE: &str = "import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def words(arguments):
    return [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
def call(number, *arguments):
    done = libc.syscall(number, *words(arguments))
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done
def reached(number, *arguments):
    '''Whether the kernel looked at the arguments at all.'''
    return libc.syscall(number, *words(arguments)) >= 0 or ctypes.get_errno() not in (1, 38)
";
const PYTHON_AFTER: &str = "
try:
    print('ESCAPED' if go() else 'held: it did nothing')
except BaseException as error:
    print(f'held: {error!r}')
";

fn code(attempt: &Attempt, language: Language) -> Option<String> {
    let code = match language {
        Language::Python => attempt.python,
        Language::Bash => attempt.bash,
        Language::JavaScript => attempt.javascript,
    };
    (!code.is_empty()).then(|| match language {
        Language::Python => format!("{PYTHON_BEFORE}{code}{PYTHON_AFTER}"),
        Language::Bash => {
            format!("{code}\nif (go) >/dev/null 2>&1; then echo {ESCAPED}; else echo \"held: $?\"; fi")
        }
        Language::JavaScript => javascript(code, ""),
    })
}

fn javascript(code: &str, before: &str) -> String {
    let code = serde_json::to_string(code).expect("a text has JSON");
    format!(
        "{before};\ntry {{ console.log(eval({code}) ? '{ESCAPED}' : 'held: it did nothing') }} catch (error) {{ console.log('held: ' + error) }}"
    )
}

/// Held if it says so, or, where that is the wall, if it was stopped before it could say anything.
fn is_held(attempt: &Attempt, finished: &Finished) -> bool {
    let stops = ["rlimits", "watch"].iter().any(|wall| attempt.stopped_by.contains(wall));
    let printed = String::from_utf8_lossy(&finished.stdout);
    let stopped =
        matches!(finished.end, End::OutOfMemory { .. } | End::Signaled { .. } | End::OutOfCpu { .. });
    !printed.contains(ESCAPED) && (printed.contains("held") || (stops && stopped))
}

async fn inside(sandbox: &Sandbox, language: Language) {
    let machine = Machine::new();
    let mut got_out = String::new();
    for attempt in all() {
        let Some(code) = code(&attempt, language) else { continue };
        let mut program = Program::new(language, machine.inside(&code));
        program.limits = LIMITS;
        let finished = run(sandbox, program).await;
        if !is_held(&attempt, &finished) {
            let (out, errors) =
                (String::from_utf8_lossy(&finished.stdout), String::from_utf8_lossy(&finished.stderr));
            writeln!(got_out, "{}: {:?}\n{out}{errors}", attempt.name, finished.end)
                .expect("a text takes more");
        }
    }
    assert!(got_out.is_empty(), "{got_out}");
}

#[tokio::test]
async fn python_does_not_get_out() {
    inside(&sandbox().await, Language::Python).await;
}

#[tokio::test]
async fn bash_does_not_get_out() {
    inside(&sandbox().await, Language::Bash).await;
}

#[tokio::test]
async fn javascript_does_not_get_out() {
    inside(&sandbox().await, Language::JavaScript).await;
}

/// Many kernels have no Landlock, plain users no control group, many containers no `/proc` to mount.
#[tokio::test]
async fn the_required_parts_hold_alone() {
    let mut settings = settings();
    settings.without = vec![Part::Landlock, Part::Proc, Part::Cgroup];
    let sandbox = full(settings).await;
    for part in [Part::Landlock, Part::Proc, Part::Cgroup] {
        assert!(!sandbox.report().has(part));
    }
    inside(&sandbox, Language::Python).await;
    inside(&sandbox, Language::JavaScript).await;
}

#[tokio::test]
async fn the_required_parts_hold_in_a_container_whose_proc_is_masked() {
    let sandbox = full(masked_proc()).await;
    assert!(!sandbox.report().has(Part::Proc), "{}", sandbox.report());
    inside(&sandbox, Language::Python).await;
}

#[tokio::test]
async fn the_mounts_hold_without_landlock() {
    let mut settings = settings();
    settings.without = vec![Part::Landlock];
    inside(&full(settings).await, Language::Bash).await;
}

/// What the reduced form does not hold: it lies on the machine's own root, where it sees what there is, and its folder
/// has no size. That it is root of a user namespace comes from how the test takes the namespaces away.
const OPEN_IN_REDUCED: [&str; 10] = [
    "homes and data",
    "the machine's /etc",
    "devices",
    "see others",
    "kernel memory",
    "control groups",
    "disk fill",
    "many files",
    "become root",
    "be root",
];

#[tokio::test]
async fn what_the_reduced_form_does_not_hold_is_known() {
    let settings = sandbox::SandboxSettings { level: Level::Reduced, ..without_namespaces() };
    let sandbox = Sandbox::start(settings).await.expect("the host starts");
    let machine = Machine::new();
    for language in [Language::Python, Language::Bash] {
        let mut got_out = Vec::new();
        for attempt in all() {
            let Some(code) = code(&attempt, language) else { continue };
            let mut program = Program::new(language, machine.inside(&code).replace("/tmp/work", "."));
            program.limits = LIMITS;
            if !is_held(&attempt, &run(&sandbox, program).await) {
                got_out.push(attempt.name);
            }
        }
        got_out.retain(|name| !OPEN_IN_REDUCED.contains(name));
        assert!(got_out.is_empty(), "{language}: {got_out:?}");
    }
}

#[test]
fn python_gets_out_where_nothing_stops_it() {
    outside(Language::Python);
}

#[test]
fn bash_gets_out_where_nothing_stops_it() {
    outside(Language::Bash);
}

fn outside(language: Language) {
    let machine = Machine::new();
    let root = nix::unistd::geteuid().is_root();
    let mut stayed_in = String::new();
    for attempt in all() {
        let Some(code) = code(&attempt, language) else { continue };
        let possible = match attempt.control {
            Control::Root => root,
            Control::RootIf(file) => root && Path::new(file).exists(),
            Control::Outside | Control::Namespaces => true,
        };
        if !possible {
            continue;
        }
        let code = machine.outside(&code);
        let output = control(&machine, attempt.control, language, &code);
        let printed = String::from_utf8_lossy(&output.stdout);
        if !printed.contains(ESCAPED) {
            let errors = String::from_utf8_lossy(&output.stderr);
            writeln!(stayed_in, "{}: {}\n{printed}{errors}", attempt.name, output.status)
                .expect("a text takes more");
        }
    }
    assert!(stayed_in.is_empty(), "{stayed_in}");
}

/// Runs the code on the machine, with a descriptor left open and all of the test's environment.
fn control(machine: &Machine, control: Control, language: Language, code: &str) -> Output {
    let words: &[&str] = match language {
        Language::Python => &[machine.python(), "-I", "-S", "-c"],
        _ => &["bash", "--noprofile", "--norc", "-c"],
    };
    let namespaces: &[&str] = match control {
        Control::Namespaces => &["unshare", "-Urmpniuf", "--mount-proc"],
        Control::Outside | Control::Root | Control::RootIf(_) => &[],
    };
    let line =
        ["PATH=$PATH:/usr/sbin:/sbin; exec 7</dev/null; cd \"$1\"; shift; ulimit -Sn 512; exec \"$@\""];
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-c"]).args(line).arg("control").arg(machine.work());
    command.args(namespaces).args(words).arg(code);
    command.output().expect("bash starts")
}

#[tokio::test]
async fn javascript_gets_out_where_it_is_given_the_way() {
    let sandbox = sandbox().await;
    let mut stayed_in = String::new();
    for attempt in all().iter().filter(|attempt| !attempt.javascript.is_empty()) {
        let code = javascript(attempt.javascript, attempt.javascript_control);
        let finished = run(&sandbox, Program::new(Language::JavaScript, code)).await;
        if finished.stdout != b"ESCAPED\n" {
            writeln!(stayed_in, "{}: {finished:?}", attempt.name).expect("a text takes more");
        }
    }
    assert!(stayed_in.is_empty(), "{stayed_in}");
}

#[test]
fn the_suite_has_sixty_attempts_and_each_its_own_name() {
    let mut names: Vec<_> = all().iter().map(|attempt| attempt.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all().len());
    assert!(names.len() >= 60, "{}", names.len());
}

#[test]
fn the_documented_table_is_the_suite() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security.md");
    let page = fs::read_to_string(&path).expect("the page is there");
    let (begin, end) = ("<!-- escape suite -->\n", "<!-- end of the escape suite -->");
    let (before, rest) = page.split_once(begin).expect("the page has the place for the table");
    let (_, after) = rest.split_once(end).expect("the table has an end");
    let wanted = format!("{before}{begin}{}{end}{after}", table());
    if std::env::var_os("NICTATE_WRITE_DOCS").is_some() {
        return fs::write(&path, &wanted).expect("the page can be written");
    }
    assert!(
        page == wanted,
        "write it with `NICTATE_WRITE_DOCS=1 cargo nextest run -p sandbox documented_table`"
    );
}

fn table() -> String {
    let mut text = "| Attempt | What is tried | From | What stops it |\n|---|---|---|---|\n".to_owned();
    for attempt in all() {
        let from = [("Python", attempt.python), ("bash", attempt.bash), ("JavaScript", attempt.javascript)];
        let from: Vec<_> = from.iter().filter(|(_, code)| !code.is_empty()).map(|(name, _)| *name).collect();
        let Attempt { name, tries, stopped_by, .. } = attempt;
        writeln!(text, "| {name} | {tries} | {} | {stopped_by} |", from.join(", "))
            .expect("a text takes more");
    }
    text
}
