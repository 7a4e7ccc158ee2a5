//! Names and other words that callers give to things.

use types::limits::{DESCRIPTION_CHARS_MAX, NAME_CHARS_MAX};

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

/// The name in URLs and workflows that follows from a name for people, as [`slug`] makes it, if it has a letter or a digit.
pub(crate) fn derived_name(what: &str, display_name: &str) -> ApiResult<String> {
    let name = slug(display_name);
    if name.chars().all(|c| c == '_') {
        let message =
            format!("the name `{}` of the {what} has no letter and no digit", excerpt(display_name));
        return Err(ApiError::new(&code::NAME_INVALID, message));
    }
    Ok(name)
}

/// The name for addresses that follows from a name for people: in lower case, with `_` for whatever is neither letter
/// nor digit.
pub(crate) fn slug(name: &str) -> String {
    name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}

/// Refuses a text for people that cannot be stored: it is too long, or holds a zero character.
pub(crate) fn check_text(member: &str, text: Option<&str>) -> ApiResult<()> {
    let refused = |message: String| Err(ApiError::new(&code::BODY_INVALID, message));
    let Some(text) = text else { return Ok(()) };
    if text.contains('\0') {
        return refused(format!("`{member}` holds a zero character"));
    }
    let chars = text.chars().count();
    if chars > DESCRIPTION_CHARS_MAX {
        return refused(format!("`{member}` has {chars} characters, more than {DESCRIPTION_CHARS_MAX}"));
    }
    Ok(())
}

/// The same for each of the words to find a thing by.
pub(crate) fn check_tags(tags: Option<&[String]>) -> ApiResult<()> {
    tags.unwrap_or_default().iter().try_for_each(|tag| check_text("tags", Some(tag)))
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

    #[test]
    fn a_text_is_bounded_and_can_be_stored() {
        let long = "x".repeat(DESCRIPTION_CHARS_MAX + 1);
        for bad in ["a\0b", "\0", &long] {
            assert_eq!(
                check_text("description", Some(bad)).unwrap_err().code(),
                &code::BODY_INVALID,
                "{bad:?}"
            );
            assert!(check_tags(Some(&["fine".to_owned(), bad.to_owned()])).is_err(), "{bad:?}");
        }
        for good in [None, Some(""), Some("two\nlines\t")] {
            assert!(check_text("description", good).is_ok(), "{good:?}");
        }
    }
}
