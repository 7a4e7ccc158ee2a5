//! Packages from a requirement to the program that imports them, and what must not happen on the way. Needs `uv`:
//! `cargo xtask test packages` gets one.

#[path = "../common/mod.rs"]
mod common;
mod index;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use index::Index;
use sandbox::packages::PackagesLimits;
use sandbox::{Environment, Hidden, Language, Lock, Packages, PackagesError, PackagesSettings, Program};
use tempfile::TempDir;
use types::Requirement;

/// The one that `cargo xtask test` names, the one it has installed, or the machine's.
fn uv() -> Option<PathBuf> {
    let named = std::env::var_os("NICTATE_TEST_UV").map(PathBuf::from);
    let target = std::env::current_exe().expect("it has a path");
    let installed = target.ancestors().map(|folder| folder.join("tools/uv/bin/uv")).find(|uv| uv.is_file());
    named.or(installed)
}

fn python() -> PathBuf {
    let ask = ["-I", "-S", "-c", "import os, sys; print(os.path.realpath(sys.executable))"];
    let said = std::process::Command::new("python3").args(ask).output().expect("there is a Python");
    String::from_utf8(said.stdout).expect("it is text").trim().into()
}

struct Machine {
    index: Index,
    folder: TempDir,
    python: PathBuf,
}

impl Machine {
    async fn new() -> Self {
        Self {
            index: Index::start().await,
            folder: tempfile::tempdir().expect("a folder can be made"),
            python: python(),
        }
    }

    fn settings(&self) -> PackagesSettings {
        let mut settings = PackagesSettings::new(self.folder.path().join("packages"));
        settings.uv = uv();
        settings.index_url = Some(self.index.url());
        settings
    }

    fn packages(&self, change: impl FnOnce(&mut PackagesSettings)) -> Packages {
        let mut settings = self.settings();
        change(&mut settings);
        Packages::new(settings).expect("they can be used")
    }

    /// With the usual settings.
    fn usual(&self) -> Packages {
        self.packages(|_| {})
    }

    async fn lock(&self, packages: &Packages, requirements: &[&str]) -> Result<Lock, PackagesError> {
        let requirements: Vec<Requirement> =
            requirements.iter().map(|one| one.parse().expect("it is one")).collect();
        packages.lock(&requirements, &self.python).await
    }

    async fn installed(&self, packages: &Packages, requirement: &str) -> Result<Environment, PackagesError> {
        let lock = self.lock(packages, &[requirement]).await.expect("it can be resolved");
        packages.install(&lock, &self.python).await
    }

    /// What is in a folder of the folder of packages.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries =
            std::fs::read_dir(self.folder.path().join("packages").join(folder)).expect("there is one");
        entries
            .map(|entry| entry.expect("it can be read").file_name().into_string().expect("it is text"))
            .collect()
    }
}

/// Code that leaves a file behind wherever it is run.
fn leaves(mark: &Path) -> Vec<u8> {
    format!("import pathlib; pathlib.Path({:?}).write_text('ran')\n", mark.display().to_string()).into_bytes()
}

#[tokio::test]
async fn a_package_is_resolved_installed_and_imported_and_none_of_its_code_runs_outside() {
    let machine = Machine::new().await;
    let mark = machine.folder.path().join("mark");
    let code = leaves(&mark);
    let tries =
        [b"try:\n    ", code.as_slice(), b"except OSError:\n    pass\nimport shade\nNAME = shade.NAME\n"]
            .concat();
    machine.index.wheel(
        "colour",
        "1.0",
        &[
            ("colour/__init__.py", &tries),
            ("colour.pth", &code),
            ("sitecustomize.py", &code),
            ("usercustomize.py", &code),
            ("colour-1.0.data/scripts/uv", b"#!python\nraise SystemExit(1)\n"),
            ("colour-1.0.dist-info/entry_points.txt", b"[console_scripts]\ncolour = colour:main\n"),
        ],
        &["shade>=1", "never; sys_platform == 'win32'"],
    );
    machine.index.wheel("shade", "1.5", &[("shade.py", b"NAME = 'red'")], &[]);
    let packages = machine.usual();
    let lock = machine.lock(&packages, &["Colour"]).await.expect("it can be resolved");
    let text = lock.to_string();
    let names: Vec<&str> = text.lines().filter_map(|line| line.split_once(" ;")).map(|line| line.0).collect();
    assert_eq!(names, ["colour==1.0", "shade==1.5"], "{text}");
    assert_eq!(text.matches("--hash=sha256:").count(), 2);

    let stored: Lock = text.parse().expect("it can be stored");
    let environment = packages.install(&stored, &machine.python).await.expect("it can be installed");
    assert!(!mark.exists(), "code of a package ran outside");
    let sandbox = common::sandbox().await;
    assert_eq!(sandbox.python_executable(), Some(machine.python.as_path()));
    let mut program = Program::new(Language::Python, "import colour; print(colour.NAME)");
    program.packages = Some(environment.path().to_owned());
    let finished = common::run(&sandbox, program).await;
    assert_eq!(finished.stdout, b"red\n", "{finished:?}");
    assert!(!mark.exists(), "code of a package ran outside");
    // It is such code that would leave a mark.
    let outside = std::process::Command::new(&machine.python)
        .args(["-c", "import colour"])
        .env("PYTHONPATH", environment.path())
        .status();
    assert!(outside.is_ok() && mark.exists());
}

#[tokio::test]
async fn nothing_is_built_and_nothing_comes_from_elsewhere() {
    let machine = Machine::new().await;
    let mark = machine.folder.path().join("mark");
    let script = leaves(&mark);
    let source = tempfile::tempdir().unwrap();
    let folder = source.path().join("raw-1.0");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("setup.py"), script).unwrap();
    std::fs::write(folder.join("PKG-INFO"), "Metadata-Version: 1.0\nName: raw\nVersion: 1.0\n").unwrap();
    let archive = source.path().join("raw-1.0.tar.gz");
    let mut tar = std::process::Command::new("tar");
    tar.arg("-czf").arg(&archive).arg("-C").arg(source.path()).arg("raw-1.0");
    assert!(tar.status().unwrap().success());
    machine.index.file("raw", "raw-1.0.tar.gz", std::fs::read(&archive).unwrap());
    let address = format!("raw @ http://127.0.0.1:{}/simple/raw/raw-1.0.tar.gz", machine.index.port());
    machine.index.wheel("byaddress", "1.0", &[("a.py", b"")], &[&address]);
    machine.index.wheel("bygit", "1.0", &[("a.py", b"")], &["raw @ git+https://git.example/raw"]);
    machine.index.wheel("bypath", "1.0", &[("a.py", b"")], &[&format!("raw @ file://{}", folder.display())]);
    let packages = machine.usual();
    for name in ["raw", "byaddress", "bygit", "bypath"] {
        let refused = machine.lock(&packages, &[name]).await;
        assert!(matches!(refused, Err(PackagesError::Resolve(_))), "{name}: {refused:?}");
    }
    // Nor if someone writes it into a lock.
    let hash = "0".repeat(64);
    let text = format!("# locked Python packages 1, Python 3.9\nraw==1.0 --hash=sha256:{hash}\n");
    let refused = packages.install(&text.parse().unwrap(), &machine.python).await;
    assert!(matches!(refused, Err(PackagesError::Install(_))), "{refused:?}");
    assert!(!mark.exists() && machine.index.fetched("raw-1.0.tar.gz") == 0);
}

#[tokio::test]
async fn a_wheel_writes_nowhere_else_and_links_to_nothing() {
    let machine = Machine::new().await;
    let outside = machine.folder.path().join("outside");
    std::fs::write(&outside, "secret").unwrap();
    let up = "../".repeat(12);
    let away = format!("{up}{}/mark", machine.folder.path().display());
    machine.index.wheel("climber", "1.0", &[("climber.py", b""), (&away, b"x")], &[]);
    let absolute = format!("{}/mark", machine.folder.path().display());
    machine.index.wheel("absolute", "1.0", &[("absolute.py", b""), (&absolute, b"x")], &[]);
    let data = format!("data-1.0.data/data/{away}");
    machine.index.wheel("data", "1.0", &[("data.py", b""), (&data, b"x")], &[]);
    let target = outside.display().to_string();
    machine.index.wheel("linked", "1.0", &[("linked.py", b""), ("x.link", target.as_bytes())], &[]);
    let packages = machine.usual();
    for name in ["climber", "absolute", "data", "linked"] {
        // Whether it is refused or done without is for `uv` to say.
        if let Ok(lock) = machine.lock(&packages, &[name]).await
            && let Ok(environment) = packages.install(&lock, &machine.python).await
        {
            for entry in std::fs::read_dir(environment.path()).unwrap() {
                assert!(!entry.unwrap().file_type().unwrap().is_symlink(), "{name}");
            }
        }
        assert!(!machine.folder.path().join("mark").exists(), "{name} wrote outside");
    }
    assert_eq!(std::fs::read_to_string(outside).unwrap(), "secret");
}

#[tokio::test]
async fn an_environment_is_for_all_to_read_and_for_none_to_write() {
    let machine = Machine::new().await;
    machine.index.wheel(
        "colour",
        "1.0",
        &[("colour/__init__.py", b""), ("colour-1.0.data/scripts/x", b"#!/bin/sh\n")],
        &[],
    );
    let environment = machine.installed(&machine.usual(), "colour").await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let modes =
        ["", "colour", "colour/__init__.py", "bin/x"].map(|name| mode(&environment.path().join(name)));
    assert_eq!(modes, [0o555, 0o555, 0o444, 0o555]);
    assert_eq!(
        [environment.path().parent().unwrap(), &machine.folder.path().join("packages")].map(mode),
        [0o755; 2]
    );
    let mut names = machine.names("environments");
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[1] == format!("{}.lock", names[0]) && machine.names("work").is_empty());
}

#[tokio::test]
async fn callers_and_processes_wait_for_one_install() {
    let machine = Machine::new().await;
    machine.index.wheel("colour", "1.0", &[("colour.py", b"")], &[]);
    let (one, other) = (machine.usual(), machine.usual());
    let lock = machine.lock(&one, &["colour"]).await.unwrap();
    std::fs::remove_dir_all(machine.folder.path().join("packages/cache")).unwrap();
    let before = machine.index.fetched("GET /simple/colour/colour-1.0");
    let calls = (0..12).map(|number| {
        let packages = if number % 2 == 0 { &one } else { &other };
        packages.install(&lock, &machine.python)
    });
    let environments = futures_util::future::join_all(calls).await;
    let paths: Vec<PathBuf> =
        environments.iter().map(|environment| environment.as_ref().unwrap().path().to_owned()).collect();
    assert!(paths.iter().all(|path| *path == paths[0]));
    assert_eq!(machine.index.fetched("GET /simple/colour/colour-1.0") - before, 1);
}

#[tokio::test]
async fn a_file_that_is_another_one_than_was_locked_is_refused_and_leaves_nothing() {
    let machine = Machine::new().await;
    machine.index.wheel("colour", "1.0", &[("colour.py", b"NAME = 'red'")], &[]);
    let packages = machine.usual();
    let lock = machine.lock(&packages, &["colour"]).await.unwrap();
    machine.index.wheel("colour", "1.0", &[("colour.py", b"NAME = 'green'")], &[]);
    std::fs::remove_dir_all(machine.folder.path().join("packages/cache")).unwrap();
    let refused = packages.install(&lock, &machine.python).await.unwrap_err();
    assert!(refused.to_string().starts_with("the packages cannot be installed: "), "{refused}");
    assert!(refused.to_string().to_lowercase().contains("hash"), "{refused}");
    assert!(machine.names("environments").is_empty() && machine.names("work").is_empty());
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_leaves_nothing() {
    let machine = Machine::new().await;
    let large = vec![b'#'; 3 * 1024 * 1024];
    machine.index.wheel("large", "1.0", &[("large.py", &large)], &[]);
    machine.index.wheel(
        "wide",
        "1.0",
        &[("wide/a.py", &large[..1024 * 1024]), ("wide/b.py", &large[..1024 * 1024])],
        &[],
    );
    let names: Vec<String> = (0..40).map(|number| format!("many/m{number}.py")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    machine.index.wheel("many", "1.0", &many, &[]);
    let usual = machine.usual();
    let packages = machine.packages(|settings| {
        settings.limits = PackagesLimits {
            environment_bytes: 2 * 1024 * 1024,
            environment_files: 40,
            ..PackagesLimits::default()
        };
    });
    for (name, expected) in [
        ("large", "a file of a package has more than `2097152` bytes"),
        ("wide", "the packages take up more than `2097152` bytes"),
        ("many", "the packages have more than `40` files and folders"),
    ] {
        let lock = machine.lock(&usual, &[name]).await.unwrap();
        let _ = std::fs::remove_dir_all(machine.folder.path().join("packages/cache"));
        let refused = packages.install(&lock, &machine.python).await;
        assert!(matches!(refused, Err(PackagesError::TooLarge(_))), "{name}: {refused:?}");
        assert_eq!(refused.unwrap_err().to_string(), expected);
        assert!(machine.names("environments").is_empty() && machine.names("work").is_empty());
    }
}

#[tokio::test]
async fn a_cache_that_becomes_too_large_ends_what_fills_it() {
    let machine = Machine::new().await;
    machine.index.wheel("large", "1.0", &[("large.py", &vec![b'#'; 3 * 1024 * 1024])], &[]);
    machine.index.wheel("slow", "1.0", &[("slow.py", b"")], &[]);
    let lock = machine.lock(&machine.usual(), &["large", "slow"]).await.unwrap();
    std::fs::remove_dir_all(machine.folder.path().join("packages/cache")).unwrap();
    machine.index.hang(Some("slow-1.0"));
    let packages = machine.packages(|settings| settings.limits.cache_bytes = 1024 * 1024);
    let refused = packages.install(&lock, &machine.python).await.unwrap_err();
    assert_eq!(refused.to_string(), "the cache of packages has more than `1048576` bytes");
    assert!(machine.names("cache").is_empty() && machine.names("work").is_empty());
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_and_what_is_cancelled_leaves_no_environment() {
    let machine = Machine::new().await;
    machine.index.wheel("colour", "1.0", &[("colour.py", b"")], &[]);
    let packages = machine.packages(|settings| {
        settings.limits.lock = Duration::from_millis(400);
        settings.limits.install = Duration::from_millis(400);
    });
    let usual = machine.usual();
    let lock = machine.lock(&usual, &["colour"]).await.unwrap();
    std::fs::remove_dir_all(machine.folder.path().join("packages/cache")).unwrap();
    machine.index.hang(Some("/"));
    let slow = machine.lock(&packages, &["colour"]).await.unwrap_err();
    assert_eq!(slow.to_string(), "resolving packages took longer than `0.4` s");
    let slow = packages.install(&lock, &machine.python).await.unwrap_err();
    assert_eq!(slow.to_string(), "installing packages took longer than `0.4` s");
    assert!(slow.is_retryable() && machine.names("work").is_empty());

    let dropped = tokio::time::timeout(Duration::from_millis(400), usual.install(&lock, &machine.python));
    assert!(dropped.await.is_err());
    assert_eq!(machine.names("work").len(), 1, "half made");
    // As if a process had been killed as it removed an environment, and another one in the middle of its work.
    for name in ["0".repeat(64) + ".old", "1".repeat(64) + ".0"] {
        std::fs::create_dir_all(machine.folder.path().join("packages/work").join(name).join("x")).unwrap();
    }
    machine.index.hang(None);
    let environment = usual.install(&lock, &machine.python).await.unwrap();
    assert!(environment.path().join("colour.py").is_file());
    assert_eq!((machine.names("work").len(), machine.names("environments").len()), (0, 2));
}

#[tokio::test]
async fn others_wait_only_so_long_for_who_makes_the_same() {
    let machine = Machine::new().await;
    machine.index.wheel("colour", "1.0", &[("colour.py", b"")], &[]);
    let usual = machine.usual();
    let lock = machine.lock(&usual, &["colour"]).await.unwrap();
    std::fs::remove_dir_all(machine.folder.path().join("packages/cache")).unwrap();
    machine.index.hang(Some("/"));
    let hurried = machine.packages(|settings| settings.limits.install = Duration::from_millis(200));
    let both = async {
        tokio::select! {
            made = usual.install(&lock, &machine.python) => panic!("{made:?}"),
            waited = async {
                tokio::time::sleep(Duration::from_millis(400)).await;
                hurried.install(&lock, &machine.python).await
            } => waited,
        }
    };
    assert_eq!(both.await.unwrap_err().to_string(), "waiting for others took longer than `0.4` s");
}

#[tokio::test]
async fn environments_that_nobody_uses_are_removed_the_oldest_first() {
    let machine = Machine::new().await;
    for (name, code) in [("a", "#"), ("b", "##"), ("c", "###"), ("d", "####")] {
        machine.index.wheel(name, "1.0", &[(&format!("{name}.py"), code.as_bytes())], &[]);
    }
    let packages = machine.packages(|settings| settings.limits.kept = 2);
    let held = machine.installed(&packages, "a").await.unwrap();
    let [b, c] = ["b", "c"].map(|name| machine.installed(&packages, name));
    let b = b.await.unwrap().path().to_owned();
    let c = c.await.unwrap().path().to_owned();
    assert!(held.path().is_dir() && !b.exists() && c.is_dir(), "`a` is the oldest and in use");
    let a = held.path().to_owned();
    drop(held);
    let again = machine.installed(&packages, "a").await.unwrap();
    drop(again);
    let d = machine.installed(&packages, "d").await.unwrap();
    assert!(a.is_dir() && !c.exists() && d.path().is_dir(), "`a` was used after `c`");
    assert_eq!(machine.names("environments").len(), 4);
    drop(d);

    let small = machine.packages(|settings| settings.limits.kept_bytes = 1);
    let b = machine.installed(&small, "b").await.unwrap();
    assert!(b.path().is_dir() && !a.exists(), "the one that is made is kept although it is too large");
    assert_eq!((machine.names("environments").len(), machine.names("work").len()), (2, 0));
}

#[tokio::test]
async fn the_cache_is_emptied_when_it_is_half_full_and_serves_when_offline() {
    let machine = Machine::new().await;
    let large = vec![b'#'; 1024 * 1024];
    machine.index.wheel("colour", "1.0", &[("colour.py", &large)], &[]);
    let offline = machine.packages(|settings| settings.offline = true);
    assert!(matches!(machine.lock(&offline, &["colour"]).await, Err(PackagesError::Resolve(_))));
    let usual = machine.usual();
    let lock = machine.lock(&usual, &["colour"]).await.unwrap();
    let first = usual.install(&lock, &machine.python).await.unwrap().path().to_owned();
    std::fs::set_permissions(&first, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&first, machine.folder.path().join("gone")).unwrap();
    assert_eq!(machine.lock(&offline, &["colour"]).await.unwrap(), lock);
    assert!(offline.install(&lock, &machine.python).await.is_ok());
    let small = machine.packages(|settings| settings.limits.cache_bytes = 1024 * 1024);
    let asked = machine.index.fetched("GET");
    machine.lock(&small, &["colour"]).await.unwrap();
    assert!(machine.names("cache").is_empty(), "{:?}", machine.names("cache"));
    machine.lock(&usual, &["colour"]).await.unwrap();
    assert!(machine.index.fetched("GET") > asked);
}

#[tokio::test]
async fn credentials_of_the_index_reach_it_and_nobody_else() {
    let machine = Machine::new().await;
    machine.index.wheel("colour", "1.0", &[("colour.py", b"")], &[]);
    machine.index.want_user("robot:hush-hush/1");
    let with = |user: &'static str| {
        let url = machine.index.url_of(user);
        machine.packages(|settings| settings.index_url = Some(url))
    };
    let packages = with("robot:hush-hush%2F1@");
    let lock = machine.lock(&packages, &["colour"]).await.unwrap();
    let environment = packages.install(&lock, &machine.python).await.unwrap();
    assert!(environment.path().is_dir() && !lock.to_string().contains("http"));
    let wrong = with("robot:wrong-word@");
    for requirement in ["colour", "missing"] {
        std::fs::remove_dir_all(machine.folder.path().join("packages/cache")).unwrap();
        let refused = machine.lock(&wrong, &[requirement]).await.unwrap_err();
        let said = format!("{refused} {refused:?}");
        assert!(!said.contains("wrong-word") && !said.contains("robot"), "{said}");
        assert!(matches!(refused, PackagesError::Resolve(_)), "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_told() {
    let machine = Machine::new().await;
    let refused = |change: fn(&mut PackagesSettings)| {
        let mut settings = machine.settings();
        change(&mut settings);
        Packages::new(settings).err().expect("it is refused").to_string()
    };
    assert_eq!(
        refused(|settings| settings.folder = "x".into()),
        "the folder of packages `x` is not absolute"
    );
    for url in ["file:///x", "https://x y"] {
        let url = Hidden::from(url.to_owned());
        let mut settings = machine.settings();
        settings.index_url = Some(url);
        let said = Packages::new(settings).err().expect("it is refused").to_string();
        assert!(said.starts_with("the address of the index of packages does not begin with"), "{said}");
    }
    let name = refused(|settings| {
        settings.environment = vec![("UV_NO_BINARY".to_owned(), Hidden::from(String::new()))]
    });
    assert!(name.starts_with("`UV_NO_BINARY` cannot be given to `uv`; only `SSL_CERT_FILE`, "), "{name}");

    let missing = machine.packages(|settings| settings.uv = Some("/no/such/uv".into()));
    let said = machine.lock(&missing, &["a"]).await.unwrap_err().to_string();
    assert_eq!(said, "packages need `uv`: there is no `/no/such/uv`");
    let usual = machine.usual();
    let said = machine.lock(&usual, &[]).await.unwrap_err().to_string();
    assert_eq!(said, "`0` requirements, not `1` to `50`");
    let said = machine.lock(&usual, &["a"; 51]).await.unwrap_err().to_string();
    assert_eq!(said, "`51` requirements, not `1` to `50`");
    let newer: Lock = "# locked Python packages 1, Python 3.99\n".parse().unwrap();
    let said = usual.install(&newer, &machine.python).await.unwrap_err().to_string();
    assert!(
        said.starts_with("the packages were resolved for Python `3.99` and newer, this one is `3."),
        "{said}"
    );
    let said = usual.install(&newer, Path::new("/no/such/python")).await.unwrap_err().to_string();
    assert!(said.starts_with("`/no/such/python` does not start: "), "{said}");
    let none: Lock = "# locked Python packages 1, Python 3.9\n".parse().unwrap();
    assert!(usual.install(&none, &machine.python).await.unwrap().path().is_dir());
    let said = machine.lock(&usual, &["missing>=3"]).await.unwrap_err().to_string();
    assert!(said.starts_with("the packages cannot be resolved: ") && said.contains("missing"), "{said}");
}
