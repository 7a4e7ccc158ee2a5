//! A lock: exact versions and hashes of files, as one text that can be stored and sent. Whoever reads one checks that
//! nothing else stands in it, since it is given to an installer.

use std::fmt;
use std::str::FromStr;

use types::Requirement;

use super::PackagesError;

/// Bytes of a lock.
pub const LOCK_BYTES_MAX: usize = 1024 * 1024;

const HEAD: &str = "# locked Python packages 1, Python ";
/// Kinds of hashes, and their digits.
const HASHES: [(&str, usize); 3] = [("sha256:", 64), ("sha384:", 96), ("sha512:", 128)];

/// Exact versions of packages with the hashes of their files. Its text is stored and sent; reading that gives the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lock {
    python: (u32, u32),
    packages: Vec<Package>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Package {
    requirement: Requirement,
    hashes: Vec<String>,
}

impl Lock {
    /// The oldest minor version of Python that it is for.
    pub fn python(&self) -> (u32, u32) {
        self.python
    }

    /// Whether nothing is to be installed, since every requirement is for other machines.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// Reads what `uv` printed.
    pub(super) fn from_uv((major, minor, _): (u32, u32, u32), text: &str) -> Result<Self, PackagesError> {
        let bytes = text.len();
        if bytes > LOCK_BYTES_MAX {
            let message = format!("a lock of `{bytes}` bytes, more than `{LOCK_BYTES_MAX}`");
            return Err(PackagesError::TooLarge(message));
        }
        Ok(Self { python: (major, minor), packages: packages(text)? })
    }

    /// What `uv` reads: the packages alone.
    pub(super) fn for_uv(&self) -> String {
        self.packages.iter().map(|package| format!("{package}\n")).collect()
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.python;
        writeln!(formatter, "{HEAD}{major}.{minor}")?;
        self.packages.iter().try_for_each(|package| writeln!(formatter, "{package}"))
    }
}

impl fmt::Display for Package {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.requirement)?;
        self.hashes.iter().try_for_each(|hash| write!(formatter, " \\\n    --hash={hash}"))
    }
}

impl FromStr for Lock {
    type Err = PackagesError;

    fn from_str(text: &str) -> Result<Self, PackagesError> {
        let bytes = text.len();
        if bytes > LOCK_BYTES_MAX {
            return Err(invalid(&format!("has `{bytes}` bytes, more than `{LOCK_BYTES_MAX}`")));
        }
        let (head, rest) = text.split_once('\n').ok_or_else(|| invalid("has no first line"))?;
        let version = head.strip_prefix(HEAD).and_then(|version| version.split_once('.'));
        let version = version.and_then(|(major, minor)| major.parse().ok().zip(minor.parse().ok()));
        let python = version.ok_or_else(|| invalid("does not begin with the version of Python"))?;
        Ok(Self { python, packages: packages(rest)? })
    }
}

fn packages(text: &str) -> Result<Vec<Package>, PackagesError> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(package).collect()
}

fn package(line: &str) -> Result<Package, PackagesError> {
    let mut parts = line.split(" --hash=").map(str::trim);
    let named = parts.next().unwrap_or_default();
    let requirement =
        Requirement::parse(named).map_err(|error| invalid(&format!("has a package that {error}")))?;
    let name = requirement.name();
    if requirement.pinned().is_none() {
        return Err(invalid(&format!("has no exact version of `{name}`")));
    }
    let hashes: Vec<String> = parts.map(str::to_owned).collect();
    if hashes.is_empty() || !hashes.iter().all(|hash| is_hash(hash)) {
        return Err(invalid(&format!("has no hash of `{name}`, or one that cannot be read")));
    }
    Ok(Package { requirement, hashes })
}

fn is_hash(text: &str) -> bool {
    let hex = |digits: &str| digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let digits = |(kind, length): (&str, usize)| {
        text.strip_prefix(kind).is_some_and(|digits| digits.len() == length && hex(digits))
    };
    HASHES.into_iter().any(digits)
}

fn invalid(what: &str) -> PackagesError {
    PackagesError::Invalid(format!("the lock of packages {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(digit: &str) -> String {
        format!("--hash=sha256:{}", digit.repeat(64))
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let uv = format!(
            "# a remark\ncolour==1.0 ; sys_platform == 'linux' \\\n    {} \\\n    {}\nshade==2.0+x \\\n    {}\n",
            hash("a"),
            hash("0"),
            hash("f")
        );
        let lock = Lock::from_uv((3, 11, 7), &uv).unwrap();
        let text = lock.to_string();
        assert!(
            text.starts_with("# locked Python packages 1, Python 3.11\ncolour==1.0 ; sys_platform"),
            "{text}"
        );
        assert_eq!(text.parse::<Lock>().unwrap(), lock);
        assert_eq!((lock.python(), lock.is_empty()), ((3, 11), false));
        assert!(Lock::from_uv((3, 11, 7), "# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_lock_is_refused() {
        let head = "# locked Python packages 1, Python 3.11\n";
        let (fine, long) = (hash("a"), "#".repeat(LOCK_BYTES_MAX));
        let wrong = hash("A");
        for (text, expected) in [
            (String::new(), "has no first line"),
            (format!("a==1 {fine}\n"), "does not begin with the version of Python"),
            (
                "# locked Python packages 2, Python 3.11\n".to_owned(),
                "does not begin with the version of Python",
            ),
            (format!("{head}a==1\n"), "has no hash of `a`, or one that cannot be read"),
            (format!("{head}a==1 {wrong}\n"), "has no hash of `a`, or one that cannot be read"),
            (format!("{head}a==1 {fine} --index-url=x\n"), "has no hash of `a`, or one that cannot be read"),
            (format!("{head}a==1 --hash=md5:00\n"), "has no hash of `a`, or one that cannot be read"),
            (format!("{head}a>=1 {fine}\n"), "has no exact version of `a`"),
            (
                format!("{head}--index-url=x\n"),
                "has a package that is an option of an installer; only packages are named",
            ),
            (
                format!("{head}a @ https://x.example/a.whl {fine}\n"),
                "has a package that names an address; packages come from the index alone",
            ),
            (format!("{head}{long}"), "has `1048616` bytes, more than `1048576`"),
        ] {
            let error = text.parse::<Lock>().unwrap_err().to_string();
            assert_eq!(error, format!("the lock of packages {expected}"));
        }
    }
}
