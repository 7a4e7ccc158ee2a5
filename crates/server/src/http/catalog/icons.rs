//! Pictures of collections: the first letter on a colour, drawn from the name, so that there is nothing to fetch.

use std::fmt::Write as _;

/// Colours that white letters can be read on.
const COLOURS: [&str; 6] = ["1d4ed8", "0f766e", "7e22ce", "b45309", "be123c", "334155"];

/// The picture as a `data:` address. Two names have two addresses: the name is the picture's title.
pub(super) fn of(name: &str) -> String {
    let letter: String = name.chars().take(1).flat_map(char::to_uppercase).collect();
    let sum: usize = name.bytes().map(usize::from).sum();
    let colour = COLOURS.get(sum % COLOURS.len()).copied().unwrap_or_default();
    let picture = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><title>{}</title>\
         <rect width='32' height='32' rx='6' fill='#{colour}'/>\
         <text x='16' y='22' font-family='sans-serif' font-size='18' fill='#fff' text-anchor='middle'>{}</text></svg>",
        escaped(name),
        escaped(&letter),
    );
    let mut uri = String::from("data:image/svg+xml,");
    for byte in picture.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~='/:".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_an_address_of_its_own() {
        assert_ne!(of("HTTP"), of("Html"));
        for name in ["HTTP", "", "<&>\"#%", "Übung"] {
            let uri = of(name);
            let rest = uri.strip_prefix("data:image/svg+xml,%3Csvg%20xmlns='").unwrap();
            assert!(!rest.contains(['<', '>', '"', '#', ' ']) && uri.is_ascii(), "{uri}");
        }
    }
}
