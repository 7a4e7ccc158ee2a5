//! Tables of text: a heading, then rows, columns as wide as their widest cell. Data, so it goes to stdout.

use serde_json::Value;

use crate::client::results;
use crate::printer::{Printer, Target, Tone};
use crate::text::{EXCERPT_CHARS_MAX, one_line};

const GAP: &str = "  ";

/// A table being filled.
pub(crate) struct Table {
    heading: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self { heading: heading.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; each cell becomes one line.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell, EXCERPT_CHARS_MAX)).collect());
    }

    /// Prints it; without rows only the heading.
    pub(crate) fn print(&self, printer: &Printer) {
        let widths: Vec<usize> = (0..self.heading.len())
            .map(|column| {
                let cells = std::iter::once(&self.heading).chain(&self.rows);
                cells
                    .filter_map(|cells| cells.get(column))
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        printer.line(&printer.paint(Target::Out, Tone::Heading, &aligned(&self.heading, &widths)));
        for row in &self.rows {
            printer.line(&aligned(row, &widths));
        }
    }
}

/// Says on stderr that a list goes on.
pub(crate) fn note_more(printer: &Printer, page: &Value) {
    let (shown, offset) = (results(page).len() as u64, page["offset"].as_u64().unwrap_or(0));
    let total = page["total"].as_u64().unwrap_or(0);
    if shown > 0 && offset + shown < total {
        let first = offset + 1;
        printer.note(&format!(
            "{first} to {} of {total}; --offset {} shows the next",
            offset + shown,
            offset + shown
        ));
    }
}

fn aligned(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    padded.join(GAP).trim_end().to_owned()
}
