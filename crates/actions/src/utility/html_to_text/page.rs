//! Text as a page shows it: blanks fall together, blocks stand on lines of their own.

use super::tags::TagRef;

/// Elements with an empty line around them.
const PARAGRAPHS: [&str; 13] =
    ["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "hr"];
/// Elements on a line of their own.
const BLOCKS: [&str; 14] = [
    "div", "tr", "li", "section", "article", "header", "footer", "main", "nav", "form", "dt", "dd", "option",
    "body",
];
/// Bytes of a link's target that are written.
const TARGET_BYTES_MAX: usize = 4096;

/// The page so far.
pub(super) struct Page {
    text: String,
    /// Line breaks that come before the next text.
    breaks: usize,
    /// A blank comes before the next text.
    blank: bool,
    /// How many `pre` are open: there, blanks stay.
    preformatted: usize,
    include_links: bool,
    /// The target of the link that is open, and where its text begins.
    link: Option<(String, usize)>,
}

impl Page {
    pub(super) fn new(include_links: bool) -> Self {
        Self { text: String::new(), breaks: 0, blank: false, preformatted: 0, include_links, link: None }
    }

    /// Puts text at the end.
    pub(super) fn text(&mut self, text: &str) {
        if self.preformatted > 0 {
            if !text.is_empty() {
                self.settle();
                self.text.push_str(text);
            }
            return;
        }
        // A blank that does not break a line is one all the same.
        let is_blank = |char: char| char.is_whitespace();
        self.blank |= text.starts_with(is_blank);
        for word in text.split(is_blank).filter(|word| !word.is_empty()) {
            self.settle();
            self.text.push_str(word);
            self.blank = true;
        }
        self.blank &= text.is_empty() || text.ends_with(is_blank) || text.trim().is_empty();
    }

    /// Writes the line breaks or the blank that are due.
    fn settle(&mut self) {
        if !self.text.is_empty() {
            if self.breaks > 0 {
                self.text.extend(std::iter::repeat_n('\n', self.breaks));
            } else if self.blank && !self.text.ends_with([' ', '\n']) {
                self.text.push(' ');
            }
        }
        self.breaks = 0;
        self.blank = false;
    }

    /// What the tag does to the text.
    pub(super) fn tag(&mut self, tag: &TagRef<'_>) {
        match tag.name {
            "br" => self.breaks = (self.breaks + 1).min(2),
            "a" => self.link(tag),
            "td" | "th" => self.blank = true,
            name if PARAGRAPHS.contains(&name) => self.breaks = 2,
            name if BLOCKS.contains(&name) => self.breaks = self.breaks.max(1),
            _ => {}
        }
        match (tag.name, tag.end) {
            ("pre", false) => self.preformatted += 1,
            ("pre", true) => self.preformatted = self.preformatted.saturating_sub(1),
            ("li", false) => {
                self.settle();
                self.text.push_str("- ");
            }
            _ => {}
        }
    }

    fn link(&mut self, tag: &TagRef<'_>) {
        if !self.include_links {
            return;
        }
        let opened = self.link.take();
        if !tag.end {
            let target = tag.attribute("href").filter(|target| target.len() <= TARGET_BYTES_MAX);
            self.link = target.map(|target| (target.trim().to_owned(), self.text.len()));
            return;
        }
        let Some((target, start)) = opened else { return };
        let shown = self.text.get(start..).unwrap_or_default().trim();
        if target.is_empty() || target.starts_with('#') || shown == target {
            return;
        }
        let written = if shown.is_empty() { target } else { format!("({target})") };
        self.blank = true;
        self.settle();
        self.text.push_str(&written);
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text.trim().to_owned()
    }
}
