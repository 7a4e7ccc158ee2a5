//! `--batch`: a line in, a line out. No line keeps the others from being evaluated, whatever it holds.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde_json::json;

use super::{Evaluator, SOURCE_BYTES_MAX, json, open};
use crate::exit::Exit;
use crate::failure::{Context as _, Outcome};
use crate::printer::Printer;

pub(super) fn run(path: &Path, evaluator: &mut Evaluator, printer: &Printer) -> Outcome {
    let mut lines = BufReader::new(open(path, "the expressions")?);
    let mut line = Vec::new();
    let reading = || format!("read the expressions from `{}`", path.display());
    while let Some(fits) = next(&mut lines, &mut line).context(Exit::Failed, reading)? {
        let answer = if fits {
            answer(&line, evaluator)
        } else {
            Err(format!("the line is longer than {SOURCE_BYTES_MAX} bytes"))
        };
        printer.line(&answer.unwrap_or_else(|message| json!({"error": message}).to_string()));
        if printer.is_closed() {
            break;
        }
    }
    Ok(Exit::Ok)
}

fn answer(line: &[u8], evaluator: &mut Evaluator) -> Result<String, String> {
    let source = std::str::from_utf8(line).map_err(|error| {
        format!("the line is no text in UTF-8: byte {} is not valid", error.valid_up_to())
    })?;
    let value = evaluator.evaluate(source).map_err(|error| error.to_string())?;
    json(&value)
}

/// Reads the next line into `line`, without its end; none at the end of all. Whether it was short enough.
fn next(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    if lines.by_ref().take(SOURCE_BYTES_MAX + 1).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        line.pop_if(|last| *last == b'\r');
    } else if line.len() as u64 > SOURCE_BYTES_MAX {
        lines.skip_until(b'\n')?;
        return Ok(Some(false));
    }
    Ok(Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_on_any_system_and_one_that_is_too_long_does_not_hide_the_next() {
        let long = vec![b'x'; SOURCE_BYTES_MAX as usize + 1];
        let text = [b"a\r\n\n", long.as_slice(), b"yy\nb"].concat();
        let (mut lines, mut line) = (text.as_slice(), Vec::new());
        let mut seen = Vec::new();
        while let Some(fits) = next(&mut lines, &mut line).unwrap() {
            seen.push((fits, line.len()));
        }
        assert_eq!(seen, [(true, 1), (true, 0), (false, SOURCE_BYTES_MAX as usize + 1), (true, 1)]);
    }
}
