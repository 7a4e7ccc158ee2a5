//! What a file may be called that a step leaves.

use types::limits::FILE_NAME_CHARS_MAX;

/// Why a file cannot be called that, if it cannot: it must be safe to write to any folder as it is.
pub fn file_name_problem(name: &str) -> Option<String> {
    let chars = name.chars().count();
    if chars > FILE_NAME_CHARS_MAX {
        return Some(format!("has {chars} characters, more than {FILE_NAME_CHARS_MAX}"));
    }
    let problem = match name.trim() {
        "" => "is empty",
        "." | ".." => "is that of a folder",
        _ if name.contains(['/', '\\']) => "has a path separator",
        _ if name.contains(char::is_control) => "has control characters",
        _ => return None,
    };
    Some(problem.to_owned())
}
