//! Patterns of `$like`: `%` is any text, `_` any one character, `\` takes the next character as it is. SQLite's
//! LIKE ignores case and PostgreSQL's does not, so on SQLite a pattern is written for GLOB, which does not.

/// A pattern, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Token>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Any,
    One,
    Char(char),
}

impl Pattern {
    /// Reads a pattern; every text is one (a `\` at the end is itself).
    pub(crate) fn parse(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '%' => Token::Any,
                '_' => Token::One,
                '\\' => Token::Char(chars.next().unwrap_or('\\')),
                c => Token::Char(c),
            });
        }
        // `%%` says nothing more than `%`, but costs the matcher a power more of time.
        tokens.dedup_by(|a, b| *a == Token::Any && *b == Token::Any);
        Self(tokens)
    }

    /// The pattern of what contains `text`, whatever characters that has.
    pub(crate) fn containing(text: &str) -> Self {
        let chars = text.chars().map(Token::Char);
        Self(std::iter::once(Token::Any).chain(chars).chain([Token::Any]).collect())
    }

    /// For PostgreSQL's LIKE, which escapes with `\` unless told otherwise.
    pub(crate) fn for_like(&self) -> String {
        self.write(["%", "_"], |c, out| {
            if matches!(c, '%' | '_' | '\\') {
                out.push('\\');
            }
            out.push(c);
        })
    }

    /// For SQLite's GLOB, where a special character stands for itself in brackets.
    pub(crate) fn for_glob(&self) -> String {
        self.write(["*", "?"], |c, out| {
            if matches!(c, '*' | '?' | '[') {
                out.extend(['[', c, ']']);
            } else {
                out.push(c);
            }
        })
    }

    /// Whether the whole text fits. Takes at most the product of both lengths: one place to come back to, the
    /// last `%`, is enough.
    pub(crate) fn matches(&self, text: &str, ignore_case: bool) -> bool {
        let fold = |c: char| if ignore_case { c.to_ascii_lowercase() } else { c };
        let text: Vec<char> = text.chars().map(fold).collect();
        let (mut at, mut token) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(token) {
                Some(Token::Any) => {
                    back = Some((token + 1, at));
                    token += 1;
                }
                Some(Token::One) => (at, token) = (at + 1, token + 1),
                Some(Token::Char(c)) if fold(*c) == text[at] => (at, token) = (at + 1, token + 1),
                _ => {
                    let Some((after, from)) = back else { return false };
                    back = Some((after, from + 1));
                    (at, token) = (from + 1, after);
                }
            }
        }
        self.0[token..].iter().all(|token| *token == Token::Any)
    }

    fn write(&self, [any, one]: [&str; 2], literal: impl Fn(char, &mut String)) -> String {
        let mut out = String::with_capacity(self.0.len() + 4);
        for token in &self.0 {
            match token {
                Token::Any => out.push_str(any),
                Token::One => out.push_str(one),
                Token::Char(c) => literal(*c, &mut out),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_written_for_both_engines() {
        let check = |text: &str, like: &str, glob: &str| {
            let pattern = Pattern::parse(text);
            assert_eq!((pattern.for_like().as_str(), pattern.for_glob().as_str()), (like, glob), "{text}");
        };
        check("a%b_c", "a%b_c", "a*b?c");
        check(r"50\%", r"50\%", "50%");
        check("%%%a", "%a", "*a");
        check("a[*]?", "a[*]?", "a[[][*]][?]");
        check(r"end\", r"end\\", r"end\");
    }

    #[test]
    fn a_pattern_fits_the_whole_text() {
        let check = |pattern: &str, text: &str, fits: bool| {
            assert_eq!(Pattern::parse(pattern).matches(text, false), fits, "{pattern} on {text}");
        };
        check("a%c", "abbc", true);
        check("a%c", "abcd", false);
        check("%b%b%", "abab", true);
        check("_", "", false);
        check("%", "", true);
        check(r"50\%", "50%", true);
        assert!(Pattern::parse("äB%").matches("äbc", true));
        assert!(!Pattern::parse("Ä%").matches("äbc", true), "case is ASCII's, as in the SQL");
    }

    #[test]
    fn searched_text_has_no_special_characters() {
        let pattern = Pattern::containing("50%_*");
        assert_eq!(pattern.for_like(), r"%50\%\_*%");
        assert_eq!(pattern.for_glob(), "*50%_[*]*");
    }
}
