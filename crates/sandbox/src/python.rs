//! Finds the Python interpreter of the machine: the real one behind shims and virtual environments, and the folders
//! that it needs to be mounted.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use crate::wire::PythonHome;

/// The oldest that the forked interpreter's program is written for.
const OLDEST: (u32, u32) = (3, 9);
/// An interpreter that takes longer to say where it is does not start.
const ASK_TIMEOUT: Duration = Duration::from_secs(20);

const ASK: &str = "import json, os, sys, sysconfig
real = os.path.realpath(sys.executable)
folders = {sys.base_prefix, sys.base_exec_prefix, os.path.dirname(os.__file__)}
folders |= {os.path.dirname(real), os.path.realpath(sys.base_prefix)}
library = sysconfig.get_config_var('LIBDIR')
if sysconfig.get_config_var('Py_ENABLE_SHARED') and library and os.path.isdir(library):
    folders.add(library)
print(json.dumps({'executable': real, 'folders': sorted(folders), 'version': list(sys.version_info[:3])}))";

#[derive(Deserialize)]
struct Answer {
    executable: PathBuf,
    folders: Vec<PathBuf>,
    version: (u32, u32, u32),
}

/// The path of the interpreter, or of `python3` on `PATH`, behind shims and virtual environments; or why there is none.
pub async fn find_python(wanted: Option<&Path>) -> Result<PathBuf, String> {
    find(wanted).await.map(|python| python.executable)
}

/// Asks the interpreter, or `python3` on `PATH`, where it really is.
pub(crate) async fn find(wanted: Option<&Path>) -> Result<PythonHome, String> {
    let program = wanted.unwrap_or(Path::new("python3"));
    let shown = program.display();
    let mut command = Command::new(program);
    command.args(["-I", "-S", "-c", ASK]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(ASK_TIMEOUT, command.output()).await;
    let output = output.map_err(|_| format!("`{shown}` does not answer"))?;
    let output = output.map_err(|error| format!("`{shown}` does not start: {error}"))?;
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .map_err(|_| format!("`{shown}` does not say where it is; {}", output.status))?;
    let (major, minor, patch) = answer.version;
    if (major, minor) < OLDEST {
        let (oldest_major, oldest_minor) = OLDEST;
        return Err(format!(
            "`{shown}` is version `{major}.{minor}.{patch}`, older than `{oldest_major}.{oldest_minor}`"
        ));
    }
    let folders = without_nested(answer.folders);
    Ok(PythonHome { executable: answer.executable, folders, version: format!("{major}.{minor}.{patch}") })
}

/// The folders without those that lie within another, and without the machine's whole root.
fn without_nested(mut folders: Vec<PathBuf>) -> Vec<PathBuf> {
    folders.sort();
    let mut kept: Vec<PathBuf> = Vec::new();
    for folder in folders {
        if folder != Path::new("/") && !kept.iter().any(|other| folder.starts_with(other)) {
            kept.push(folder);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_within_another_is_mounted_with_it() {
        let folders = ["/opt/python/lib", "/opt/python", "/", "/opt/python3"].map(PathBuf::from);
        let kept = without_nested(folders.to_vec());
        assert_eq!(kept, ["/opt/python", "/opt/python3"].map(PathBuf::from));
    }
}
