//! The parameters of one flow action: found in any spelling, and those left over are warned of.

use crate::codes;
use crate::near::{closest, normal};
use crate::read::Reader;
use crate::source::Extent;
use crate::yaml::Entry;

pub(super) struct Params<'n> {
    pub(super) action: &'n str,
    pub(super) at: Extent,
    entries: &'n [Entry],
    read: Vec<bool>,
    /// The published names asked for, to say what was meant.
    known: Vec<&'static str>,
}

impl<'n> Params<'n> {
    pub(super) fn new(action: &'n str, entries: &'n [Entry], at: Extent) -> Self {
        Self { action, at, entries, read: vec![false; entries.len()], known: Vec::new() }
    }

    /// The parameter `name`, or one of the other spellings, that is neither nothing nor absent. Letter case,
    /// blanks and `_` do not count.
    pub(super) fn find(&mut self, name: &'static str, others: &[&str]) -> Option<&'n Entry> {
        self.known.push(name);
        for spelling in std::iter::once(&name).chain(others) {
            let found = self.entries.iter().position(|entry| normal(&entry.key.text) == normal(spelling));
            if let Some(index) = found {
                self.read[index] = true;
                let entry = &self.entries[index];
                if !entry.value.is_null() {
                    return Some(entry);
                }
            }
        }
        None
    }

    /// As [`Self::find`]; notes its absence, unless the step never runs.
    pub(super) fn require(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        others: &[&str],
    ) -> Option<&'n Entry> {
        let found = self.find(name, others);
        if found.is_none() && !reader.idle {
            let message = format!("`{}` needs `{name}`", self.action);
            reader.lacking.error(codes::MISSING_PARAMETER, self.at, message);
        }
        found
    }

    /// The only parameter that nobody has asked for, if there is just one.
    pub(super) fn only_unread(&mut self) -> Option<&'n Entry> {
        let mut unread = (0..self.entries.len()).filter(|index| !self.read[*index]);
        let (index, None) = (unread.next()?, unread.next()) else { return None };
        self.read[index] = true;
        Some(&self.entries[index])
    }

    /// Nothing that is left over is worth a warning.
    pub(super) fn ignore_the_rest(&mut self) {
        self.read.fill(true);
    }

    pub(super) fn warn_of_unread(&self, reader: &mut Reader<'_>) {
        for (entry, read) in self.entries.iter().zip(&self.read) {
            if !read {
                let key = &entry.key.text;
                let message = format!("`{}` has no parameter `{key}`: it is ignored", self.action);
                let meant = closest(key, self.known.iter().copied());
                reader.problems.warning(codes::UNKNOWN_PARAMETER, entry.key.at, message).did_you_mean(meant);
            }
        }
    }
}
