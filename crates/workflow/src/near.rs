//! The word that was probably meant: small spelling distances for "did you mean".

/// The candidate closest to `word`, if one is close enough to be meant: about one slip in four letters,
/// letter case not counted.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().flat_map(char::to_lowercase).take(WORD_CHARS_MAX).collect();
    let slips_max = (word.len() / 4).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates.into_iter().take(CANDIDATES_MAX) {
        if candidate.len() > 4 * WORD_CHARS_MAX {
            continue;
        }
        let letters: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
        if letters.len().abs_diff(word.len()) > slips_max || letters.is_empty() || word.is_empty() {
            continue;
        }
        let slips = distance(&word, &letters);
        if slips <= slips_max && best.is_none_or(|best| (slips, candidate) < best) {
            best = Some((slips, candidate));
        }
    }
    // A word of one or two letters is one slip away from too much.
    best.filter(|(slips, _)| word.len() > 2 || *slips == 0).map(|(_, candidate)| candidate)
}

/// A document can declare any number of names; a hint is not worth comparing with all of them.
const CANDIDATES_MAX: usize = 5_000;
/// Longer words are cut: nobody means an action of that length.
const WORD_CHARS_MAX: usize = 100;

/// The letters and digits of a key in lower case: `Greater than` and `greater_than` are the same key.
pub(crate) fn normal(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.iter().enumerate() {
        let mut current = vec![i + 1];
        for (j, other) in b.iter().enumerate() {
            let mut cost =
                (previous[j] + usize::from(letter != other)).min(previous[j + 1] + 1).min(current[j] + 1);
            if i > 0 && j > 0 && *letter == b[j - 1] && a[i - 1] == *other {
                cost = cost.min(before[j - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_or_two_are_forgiven_and_other_words_are_not() {
        let check = |word, expected| {
            let candidates = ["workflow", "inputs", "http.requestV2", "S1", "internal.SetVariables"];
            assert_eq!(closest(word, candidates), expected, "{word}");
        };
        check("worklow", Some("workflow"));
        check("wrokflow", Some("workflow"));
        check("http.request", Some("http.requestV2"));
        check("internal.setVariables", Some("internal.SetVariables"));
        check("s1", Some("S1"));
        check("S2", None);
        check("counting_steps", None);
        check("", None);
    }
}
