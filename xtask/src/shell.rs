//! Folders of the repository and the programs that run in it.
//! Every other file starts programs through here, so that a failure always names the command.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Context, Failure, Outcome};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    // Joining keeps an absolute path as it is.
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The cargo that runs us, at the root.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = program_at_root(Path::new(&program));
    command.args(arguments);
    command
}

/// A program with the root as its working folder.
pub(crate) fn program_at_root(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Builds the product and answers where its binary is.
pub(crate) fn build_nictate(profile: Profile) -> Outcome<PathBuf> {
    let mut command = cargo(["build", "--package", "nictate"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    run(&mut command)?;
    Ok(binary(profile, "nictate"))
}

/// How a binary is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// Where cargo puts the binary `name`.
pub(crate) fn binary(profile: Profile, name: &str) -> PathBuf {
    let folder = match profile {
        Profile::Debug => "debug",
        Profile::Release => "release",
    };
    target_dir().join(folder).join(name)
}

/// Runs a command with our output as its output.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command.status().context(format!("start {}", shown(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("{} ended with {status}", shown(command))))
    }
}

/// Runs a command and answers what it printed. Its errors go where ours go.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let done = command.stderr(Stdio::inherit()).output().context(format!("start {}", shown(command)))?;
    if !done.status.success() {
        return Err(Failure::new(format!("{} ended with {}", shown(command), done.status)));
    }
    String::from_utf8(done.stdout).context(format!("read the output of {}", shown(command)))
}

/// The path of a program, if it can be found as a shell would find it.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Whether this process is root. Linux says so in the owner of its own process folder.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

/// The command as one would type it, in backticks.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    format!("`{}`", words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_named_with_its_arguments() {
        let failure = run(Command::new("false").arg("--really")).unwrap_err();
        assert_eq!(failure.to_string(), "`false --really` ended with exit status: 1");
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = run(&mut Command::new("no-such-program")).unwrap_err();
        assert!(failure.to_string().starts_with("cannot start `no-such-program`: "), "{failure}");
    }

    #[test]
    fn the_root_holds_the_workspace_manifest() {
        assert!(root().join("Cargo.toml").is_file() && root().join("crates").is_dir());
    }
}
