//! Texts that are too large for the rows that are read again and again: compressed, to be stored beside them.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// A text, compressed. What is stored of it can be told from what was damaged: the stream ends with a checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    size_bytes: i64,
    bytes: Vec<u8>,
}

impl Packed {
    /// The text, compressed in the quickest way: JSON becomes a fifth of its size so, and little less in thrice the time.
    pub fn new(text: &str) -> Self {
        let mut encoder = ZlibEncoder::new(Vec::with_capacity(text.len() / 4), Compression::fast());
        // A vector takes whatever it is given.
        let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
        Self { size_bytes: i64::try_from(text.len()).unwrap_or(i64::MAX), bytes: written.unwrap_or_default() }
    }

    /// Bytes of the text.
    pub fn size_bytes(&self) -> i64 {
        self.size_bytes
    }

    /// What is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The text of so many bytes that is packed in `bytes`.
///
/// # Errors
/// In words, if that is not what they hold.
pub(crate) fn unpack(bytes: &[u8], size_bytes: i64) -> Result<String, String> {
    let expected = usize::try_from(size_bytes).map_err(|_| "has a size below 0".to_owned())?;
    let mut text = Vec::new();
    // One byte more than there should be: a longer text is found out without being held.
    let limit = u64::try_from(expected).unwrap_or(u64::MAX).saturating_add(1);
    let mut decoder = ZlibDecoder::new(bytes).take(limit);
    decoder.read_to_end(&mut text).map_err(|error| format!("cannot be decompressed: {error}"))?;
    if text.len() != expected {
        return Err(format!("does not hold the {expected} bytes that it should"));
    }
    String::from_utf8(text).map_err(|_| "is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_was_and_json_becomes_small() {
        let json = r#"{"severity":"high","host":"web-1"},"#.repeat(1_000);
        for text in ["", "ü\0\u{10ffff}", json.as_str()] {
            let packed = Packed::new(text);
            assert_eq!(unpack(packed.bytes(), packed.size_bytes()).as_deref(), Ok(text));
        }
        assert!(Packed::new(&json).bytes().len() < json.len() / 5);
    }

    #[test]
    fn what_was_damaged_is_told() {
        let packed = Packed::new(&"abc".repeat(100));
        let refused = |bytes: &[u8], size| unpack(bytes, size).unwrap_err();
        assert_eq!(refused(packed.bytes(), 299), "does not hold the 299 bytes that it should");
        assert_eq!(refused(packed.bytes(), 301), "does not hold the 301 bytes that it should");
        assert_eq!(refused(packed.bytes(), -1), "has a size below 0");
        let last_byte_of_text = packed.bytes().len() - 5;
        for place in 0..packed.bytes().len() {
            let mut damaged = packed.bytes().to_vec();
            damaged[place] ^= 0x40;
            // A bit that merely fills up a byte is no part of it.
            assert!(unpack(&damaged, 300).is_err() || place == last_byte_of_text, "byte {place}");
            assert!(unpack(&packed.bytes()[..place], 300).is_err(), "cut at {place}");
        }
    }
}
