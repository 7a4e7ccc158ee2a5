//! What to say when the text is not YAML: the parser's error in words that help the writer of a workflow.

use granit_parser::{ErrorKind, ScanError};
use types::limits::WORKFLOW_DOCUMENT_DEPTH_MAX;

use crate::codes;
use crate::diagnostic::Problems;
use crate::source::Extent;

/// Notes the parser's error. `braces` is where the last unquoted `{{` began, if there was one.
pub(super) fn report(problems: &mut Problems<'_>, error: &ScanError, braces: Option<usize>) {
    let source = problems.source();
    let text = source.text();
    let offset = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let here = Extent::new(
        offset,
        offset + text.get(offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8),
    );

    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        too_deep(problems, here);
        return;
    }
    // `{{ x }} more` and `{{ f["a"] }}` break the grammar after or inside what YAML took for a map.
    let open_brace = braces.filter(|start| source.rest_of_line(*start).end >= offset);
    if let Some(start) = open_brace.or_else(|| unquoted_brace(text, offset)) {
        unquoted(problems, source.rest_of_line(start));
        return;
    }
    if let Some(tab) = tab_in_the_way(error.kind(), text, offset) {
        problems
            .error(codes::TAB_INDENTATION, Extent::new(tab, tab + 1), "a tab stands where YAML wants spaces")
            .hint("indent with spaces");
        return;
    }
    let noted = problems.error(codes::YAML_SYNTAX, here, plain_words(error));
    if let Some(hint) = hint(error.kind()) {
        noted.hint(hint);
    }
}

pub(super) fn too_deep(problems: &mut Problems<'_>, at: Extent) {
    let message = format!("lists and maps are nested deeper than {WORKFLOW_DOCUMENT_DEPTH_MAX} levels");
    problems.error(codes::TOO_DEEP, at, message);
}

pub(super) fn unquoted(problems: &mut Problems<'_>, at: Extent) {
    problems
        .error(
            codes::UNQUOTED_EXPRESSION,
            at,
            "an expression stands without quotes, so YAML reads its braces as a map",
        )
        .hint("quote the expression: '{{ … }}'");
}

/// The first `{{` of the line that is in error, if it stands before the error and outside quotes.
fn unquoted_brace(text: &str, offset: usize) -> Option<usize> {
    let line_start = line_start(text, offset);
    let brace = line_start + text.get(line_start..)?.lines().next()?.find("{{")?;
    let before = text.get(line_start..brace)?;
    let quoted = ['"', '\''].iter().any(|quote| before.matches(*quote).count() % 2 == 1);
    (brace <= offset && !quoted).then_some(brace)
}

/// The tab that is in the way, if that is what the error is about.
fn tab_in_the_way(kind: &ErrorKind, text: &str, offset: usize) -> Option<usize> {
    let says_so = matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
    );
    let line_start = line_start(text, offset);
    let line = text.get(line_start..)?;
    let spaces = line.len() - line.trim_start_matches(' ').len();
    let indents = line.get(spaces..)?.starts_with('\t');
    match (indents, says_so) {
        (true, _) => Some(line_start + spaces),
        (false, true) => Some(offset),
        (false, false) => None,
    }
}

fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(0, |before| before.rfind(['\n', '\r']).map_or(0, |at| at + 1))
}

fn plain_words(error: &ScanError) -> String {
    match error.kind() {
        ErrorKind::MappingValueNotAllowed => "a second `: ` in one value".to_owned(),
        ErrorKind::ExpectedBlockMappingKey => {
            "expected a key, or the indentation differs from the lines above".to_owned()
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            "expected `- `, or the indentation differs from the lines above".to_owned()
        }
        ErrorKind::UnclosedQuotedScalar => "a quoted text is not closed".to_owned(),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => "expected `:` after the key".to_owned(),
        ErrorKind::UnexpectedCharacter { character } => {
            format!("a value cannot begin with `{}`", character.escape_default())
        }
        _ => error.info().trim_end_matches('.').to_owned(),
    }
}

fn hint(kind: &ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::MappingValueNotAllowed => Some("quote a text that holds `: `"),
        ErrorKind::UnexpectedCharacter { .. } => Some("quote the text"),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry => {
            Some("entries of one list or map begin in the same column")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => Some("write `key: value`"),
        ErrorKind::UnknownQuotedScalarEscape => {
            Some("in double quotes write `\\\\` for a backslash, or use single quotes")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            Some("quote the whole value")
        }
        _ => None,
    }
}
