//! Cuts a file that arrives in parts into its records.

use super::Format;

/// Bytes of one record in a file.
pub(super) const ROW_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Cuts at the ends of records; what a record is, others read.
pub(super) struct Splitter {
    format: Format,
    /// What has arrived and was not handed out.
    pending: Vec<u8>,
    /// Bytes of it that were looked at.
    seen: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// CSV: where a cell begins.
    Cell,
    /// CSV: in a cell without quotes, or behind its quotes.
    Plain,
    /// CSV: within quotes.
    Quoted,
    /// JSON: before the array.
    Before,
    /// JSON: in the array, so many levels deep in an element.
    Within { depth: usize, in_string: bool, escaped: bool },
    /// JSON: behind the array.
    Behind,
}

/// Why a file cannot be cut.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken(pub(super) String);

impl Splitter {
    pub(super) fn new(format: Format) -> Self {
        let state = match format {
            Format::Csv | Format::Jsonl => State::Cell,
            Format::Json => State::Before,
        };
        Self { format, pending: Vec::new(), seen: 0, state }
    }

    /// The records that end in this part.
    pub(super) fn push(&mut self, part: &[u8]) -> Result<Vec<Vec<u8>>, Broken> {
        self.pending.extend_from_slice(part);
        let (mut records, mut begin) = (Vec::new(), 0);
        while let Some(&byte) = self.pending.get(self.seen) {
            let at = self.seen;
            self.seen += 1;
            match self.look(byte)? {
                Look::On => {}
                Look::Skip => begin = self.seen,
                Look::End => {
                    records.extend(record(self.pending.get(begin..at)));
                    begin = self.seen;
                }
            }
        }
        self.pending.drain(..begin);
        self.seen -= begin;
        if self.pending.len() > ROW_BYTES_MAX {
            return Err(Broken(format!("has a record with more than {ROW_BYTES_MAX} bytes")));
        }
        Ok(records)
    }

    /// The record at the end of the file that no line end closes.
    pub(super) fn finish(self) -> Result<Option<Vec<u8>>, Broken> {
        match self.state {
            State::Quoted => Err(Broken("ends within quotes".to_owned())),
            State::Before | State::Within { .. } => Err(Broken("ends before its array does".to_owned())),
            State::Behind => Ok(None),
            State::Cell | State::Plain => Ok(record(Some(&self.pending))),
        }
    }

    fn look(&mut self, byte: u8) -> Result<Look, Broken> {
        match self.format {
            Format::Jsonl => Ok(if byte == b'\n' { Look::End } else { Look::On }),
            Format::Csv => Ok(self.look_at_csv(byte)),
            Format::Json => self.look_at_json(byte),
        }
    }

    /// A quote opens where a cell begins; two within quotes close and open again.
    fn look_at_csv(&mut self, byte: u8) -> Look {
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::Cell,
            (State::Quoted, _) => State::Quoted,
            (_, b'\n') => {
                self.state = State::Cell;
                return Look::End;
            }
            (State::Cell, b'"') => State::Quoted,
            (_, b',') => State::Cell,
            _ => State::Plain,
        };
        Look::On
    }

    fn look_at_json(&mut self, byte: u8) -> Result<Look, Broken> {
        let is_blank = byte.is_ascii_whitespace();
        match self.state {
            State::Before if is_blank => Ok(Look::Skip),
            State::Before if byte == b'[' => {
                self.state = State::Within { depth: 0, in_string: false, escaped: false };
                Ok(Look::Skip)
            }
            State::Behind if is_blank => Ok(Look::Skip),
            State::Within { depth, in_string, escaped } => Ok(self.within(byte, depth, in_string, escaped)),
            State::Behind => Err(Broken("goes on behind its array".to_owned())),
            _ => Err(Broken("must be a JSON array of records".to_owned())),
        }
    }

    fn within(&mut self, byte: u8, depth: usize, in_string: bool, escaped: bool) -> Look {
        let (mut depth, mut now_in_string) = (depth, in_string);
        match byte {
            _ if escaped => {}
            b'"' => now_in_string = !in_string,
            _ if in_string => {}
            b']' if depth == 0 => {
                self.state = State::Behind;
                return Look::End;
            }
            b',' if depth == 0 => {
                self.state = State::Within { depth, in_string, escaped: false };
                return Look::End;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let escaped = in_string && !escaped && byte == b'\\';
        self.state = State::Within { depth, in_string: now_in_string, escaped };
        Look::On
    }
}

enum Look {
    On,
    /// Nothing of a record has begun yet.
    Skip,
    /// A record ends before this byte.
    End,
}

/// A record that says something.
fn record(bytes: Option<&[u8]>) -> Option<Vec<u8>> {
    let bytes = bytes?.trim_ascii_end();
    (!bytes.is_empty()).then(|| bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of a file that arrives in parts of so many bytes.
    fn cut(format: Format, file: &str, part: usize) -> Result<Vec<String>, Broken> {
        let mut splitter = Splitter::new(format);
        let mut records = Vec::new();
        for part in file.as_bytes().chunks(part) {
            records.extend(splitter.push(part)?);
        }
        records.extend(splitter.finish()?);
        Ok(records.into_iter().map(|record| String::from_utf8(record).unwrap()).collect())
    }

    #[test]
    fn a_file_is_cut_alike_however_it_arrives() {
        for (format, file, expected) in [
            (
                Format::Csv,
                "a,b\r\n1,\"x\ny\"\r\n\r\n2,\"say \"\"hi\"\"\n\"",
                vec!["a,b", "1,\"x\ny\"", "2,\"say \"\"hi\"\"\n\""],
            ),
            (Format::Csv, "a\n5\" disk\n6\n", vec!["a", "5\" disk", "6"]),
            (Format::Jsonl, "{\"a\":1}\n\n{\"a\":\"x\"}", vec!["{\"a\":1}", "{\"a\":\"x\"}"]),
            (
                Format::Json,
                " [ {\"a\":\"],[\\\"\"} ,\n{\"b\":[1,{\"c\":2}]} ] \n",
                vec!["{\"a\":\"],[\\\"\"}", "{\"b\":[1,{\"c\":2}]}"],
            ),
            (Format::Json, "[]", vec![]),
            (Format::Csv, "", vec![]),
        ] {
            for part in [1, 2, 3, 7, 1000] {
                let found = cut(format, file, part).unwrap();
                let found: Vec<&str> = found.iter().map(|record| record.trim_start()).collect();
                assert_eq!(found, expected, "{format:?} {part}");
            }
        }
    }

    #[test]
    fn a_file_that_is_none_is_told_why() {
        for (format, file, word) in [
            (Format::Json, "{\"a\":1}", "array"),
            (Format::Json, "[1", "ends before"),
            (Format::Json, "[1] 2", "behind"),
            (Format::Csv, "a\n\"b", "quotes"),
        ] {
            let Err(Broken(why)) = cut(format, file, 2) else { panic!("{file}") };
            assert!(why.contains(word), "{why}");
        }
        let long = "x".repeat(ROW_BYTES_MAX + 1);
        assert!(cut(Format::Jsonl, &long, 1 << 20).is_err());
        assert!(cut(Format::Jsonl, &long[1..], 1 << 20).is_ok());
    }
}
