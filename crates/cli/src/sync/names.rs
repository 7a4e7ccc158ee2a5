//! From the name of an object to the name of its file: safe on every system, and readable where it can be.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

/// Characters of a file's name without its ending.
pub(super) const FILE_NAME_CHARS_MAX: usize = 80;
/// Hexadecimal digits that tell two names apart whose files would have the same name.
const DIGEST_CHARS: usize = 8;
/// Names that Windows keeps for devices, whatever their ending is.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
/// Ours, in the folder of a pack.
const PACK: &str = "pack";

/// A name for the file of `name` that is not among `taken`, and is from now on.
pub(super) fn claim(name: &str, taken: &mut HashSet<String>) -> String {
    let plain = plain(name);
    let mut candidate = plain.clone();
    let mut count = 0_u32;
    while taken.contains(&candidate) {
        let digest = super::hex(&Sha256::digest(format!("{count}{name}")));
        candidate = format!("{plain}-{}", digest.get(..DIGEST_CHARS).unwrap_or_default());
        count += 1;
    }
    taken.insert(candidate.clone());
    candidate
}

/// Small letters, digits and single dashes: no path, no hidden file, nothing that letter case tells apart.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            plain.push(c.to_ascii_lowercase());
        } else if !plain.is_empty() && !plain.ends_with('-') && plain.len() < FILE_NAME_CHARS_MAX {
            plain.push(if c == '_' { '_' } else { '-' });
        }
    }
    plain.truncate(FILE_NAME_CHARS_MAX);
    let plain = plain.trim_end_matches(['-', '_']);
    if plain.is_empty() {
        return "unnamed".to_owned();
    }
    let is_port = plain.len() == 4
        && (plain.starts_with("com") || plain.starts_with("lpt"))
        && plain.ends_with(|c: char| c.is_ascii_digit());
    if DEVICES.contains(&plain) || is_port || plain == PACK {
        return format!("{plain}-1");
    }
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_file_name_that_every_system_takes() {
        for (name, expected) in [
            ("Triage an alert", "triage-an-alert"),
            ("../../etc/passwd", "etc-passwd"),
            (".git", "git"),
            ("a/b\\c:d", "a-b-c-d"),
            ("CON", "con-1"),
            ("com1", "com1-1"),
            ("nul.txt", "nul-txt"),
            ("Pack", "pack-1"),
            ("日本", "unnamed"),
            ("", "unnamed"),
            ("-rf", "rf"),
            ("x.meta", "x-meta"),
            ("snake_case", "snake_case"),
        ] {
            assert_eq!(plain(name), expected, "{name}");
        }
        assert_eq!(plain(&"x".repeat(500)).len(), FILE_NAME_CHARS_MAX);
    }

    #[test]
    fn names_that_differ_by_letter_case_or_script_alone_get_files_of_their_own() {
        let mut taken = HashSet::new();
        let names = ["Report", "report", "REPORT", "日本", "中国", "re port", "re-port"];
        let files: HashSet<String> = names.iter().map(|name| claim(name, &mut taken)).collect();
        assert_eq!(files.len(), names.len());
        assert!(files.contains("report") && files.contains("unnamed"));
        assert!(
            files
                .iter()
                .all(|file| file.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
        );
    }
}
