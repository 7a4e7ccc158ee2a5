//! Names that callers give to things.

use types::limits::NAME_CHARS_MAX;

use super::excerpt;
use crate::error::{ApiError, ApiResult, code};

/// The name without white space around it, if it can be one: not empty, not too long, on one line.
pub(crate) fn check_name(what: &str, name: Option<&str>) -> ApiResult<String> {
    let refused = |message: String| Err(ApiError::new(&code::NAME_INVALID, message));
    let name = name.unwrap_or_default().trim();
    if name.is_empty() {
        return refused(format!("the {what} needs a name"));
    }
    let chars = name.chars().count();
    if chars > NAME_CHARS_MAX {
        return refused(format!("the name of the {what} has {chars} characters, more than {NAME_CHARS_MAX}"));
    }
    if name.chars().any(char::is_control) {
        return refused(format!(
            "the name `{}` of the {what} has control characters",
            excerpt(&name.escape_debug().to_string())
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_bounded_length() {
        assert_eq!(check_name("thing", Some("  a b ")).unwrap(), "a b");
        let long = "x".repeat(NAME_CHARS_MAX + 1);
        for bad in [None, Some(""), Some("  "), Some("a\nb"), Some("a\0"), Some(long.as_str())] {
            assert_eq!(check_name("thing", bad).unwrap_err().code(), &code::NAME_INVALID, "{bad:?}");
        }
        assert!(check_name("thing", Some(&"é".repeat(NAME_CHARS_MAX))).is_ok());
    }
}
