//! Whether the promises were kept: what callers were told, what the tool was asked, and what is written, held
//! against each other.

use std::collections::{BTreeMap, BTreeSet};

use engine::Entry;
use serde_json::Value;

use super::journal::{Journals, Line, StepKey};
use super::load::{Kind, Told};
use super::tool::Call;

/// What was on record when a server was killed.
#[derive(Clone)]
pub(crate) struct Death {
    pub(crate) journals: Journals,
    /// Calls that the tool had taken.
    pub(crate) calls: usize,
}

/// All that there is to judge by.
#[derive(Clone)]
pub(crate) struct Evidence {
    pub(crate) told: Told,
    pub(crate) deaths: Vec<Death>,
    /// Every run, as the API shows it in the end.
    pub(crate) runs: Vec<Value>,
    pub(crate) journals: Journals,
    pub(crate) calls: Vec<Call>,
}

/// A promise that was not kept: the run, and what about it.
pub(crate) type Broken = (String, String);

/// A step whose outcome nobody knows.
pub(crate) struct Doubt {
    pub(crate) run: String,
    pub(crate) tag: String,
    /// The step's path in the run.
    pub(crate) step: String,
    /// What it calls: `/run/step`.
    pub(crate) path: String,
}

/// What a journal says of one effect.
#[derive(Default)]
struct Step {
    method: String,
    /// `/run/step`.
    path: String,
    keyed: bool,
    /// Attempts that were to be handed out.
    attempts: usize,
    /// Those whose end is known.
    ended: usize,
    over: bool,
    in_doubt: bool,
    /// Why its journal cannot be right.
    nonsense: Option<&'static str>,
}

impl Step {
    fn may_be_repeated(&self) -> bool {
        self.method != "POST" || self.keyed
    }
}

impl Evidence {
    /// The promises that were not kept; none, as a rule.
    pub(crate) fn broken(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        self.check_told(&mut broken);
        let calls = self.calls_by_path();
        let mut known = BTreeSet::new();
        for run in &self.runs {
            let id = run["id"].as_str().unwrap_or_default();
            let lines = self.journals.runs.get(id).map(Vec::as_slice).unwrap_or_default();
            let steps = steps_of(lines);
            let in_doubt = steps.values().filter(|step| step.in_doubt).count();
            let found = numbering(lines).or_else(|| outcome(run, in_doubt));
            broken.extend(found.map(|what| (id.to_owned(), what)));
            for (path, step) in &steps {
                let called = calls.get(step.path.as_str()).map(Vec::as_slice).unwrap_or_default();
                let wrong = wrong_with(step, called, in_doubt > 0).or_else(|| key_of(step, called, id, path));
                broken.extend(wrong.map(|what| (id.to_owned(), format!("step `{path}`: {what}"))));
                known.insert(step.path.clone());
            }
        }
        for (path, made) in &calls {
            if !known.contains(*path) {
                broken.push((String::new(), format!("{:?} is in no journal", made[0].1)));
            }
        }
        self.check_deaths(&calls, &mut broken);
        self.check_audit(&mut broken);
        self.check_numbers(&mut broken);
        broken
    }

    /// Everything that somebody has to decide.
    pub(crate) fn in_doubt(&self) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        for run in self.runs.iter().filter(|run| run["state_ui"] == "Paused") {
            let id = run["id"].as_str().unwrap_or_default();
            let tag = run["inputs"]["tag"].as_str().unwrap_or_default();
            for (step, Step { path, .. }) in
                steps_of(&self.journals.runs[id]).into_iter().filter(|(_, step)| step.in_doubt)
            {
                doubts.push(Doubt { run: id.to_owned(), tag: tag.to_owned(), step, path });
            }
        }
        doubts
    }

    fn calls_by_path(&self) -> BTreeMap<&str, Vec<(usize, &Call)>> {
        let mut calls: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, call) in self.calls.iter().enumerate() {
            calls.entry(call.path.as_str()).or_default().push((index, call));
        }
        calls
    }

    /// Whoever was answered has a run, and nobody has two.
    fn check_told(&self, broken: &mut Vec<Broken>) {
        let mut tags = BTreeMap::new();
        for run in &self.runs {
            let id = run["id"].as_str().unwrap_or_default();
            let tag = run["inputs"]["tag"].as_str().unwrap_or_default();
            if let Some(other) = tags.insert(tag, id) {
                broken.push((id.to_owned(), format!("`{tag}` was started as `{other}` too")));
            }
        }
        for run in self.runs.iter().filter(|run| run["state_ui"] == "Completed") {
            let tag = run["inputs"]["tag"].as_str().unwrap_or_default();
            let called = ["gets", "gets-alone"].map(|kind| format!("{kind}-{tag}"));
            for lost in called.iter().filter(|called| !tags.contains_key(called.as_str())) {
                if tag.starts_with("calls-") {
                    broken.push((run["id"].to_string(), format!("`{lost}`, which it called, is not there")));
                }
            }
        }
        for (tag, status) in &self.told.refused {
            broken.push((String::new(), format!("`{tag}` was refused with `{status}`")));
        }
        for (tag, id) in &self.told.accepted {
            if tags.get(tag.as_str()) != Some(&id.as_str()) {
                broken.push((id.clone(), format!("`{tag}` was accepted, and is not there")));
            }
        }
    }

    /// What had been written when a server died stays, and what had ended by then was not done again.
    fn check_deaths(&self, calls: &BTreeMap<&str, Vec<(usize, &Call)>>, broken: &mut Vec<Broken>) {
        for (number, death) in self.deaths.iter().enumerate() {
            for (run, lines) in &death.journals.runs {
                if !self.journals.runs.get(run).is_some_and(|later| later.starts_with(lines)) {
                    let what = format!("its journal at kill {number} is not how it begins in the end");
                    broken.push((run.clone(), what));
                }
                let steps = steps_of(lines);
                for (path, step) in steps.iter().filter(|(_, step)| step.over) {
                    let again = calls.get(step.path.as_str()).into_iter().flatten();
                    if again.clone().any(|(index, _)| *index >= death.calls) {
                        let what = format!("step `{path}` had ended at kill {number}, and was done again");
                        broken.push((run.clone(), what));
                    }
                }
            }
        }
    }

    /// Each attempt with a connection has its hand-out in the audit log, and each that ended has its use.
    fn check_audit(&self, broken: &mut Vec<Broken>) {
        let mut expected = BTreeSet::new();
        let mut ended = BTreeSet::new();
        for (run, lines) in &self.journals.runs {
            for entry in lines.iter().map(Line::entry) {
                match entry {
                    Entry::StepStarted { path, attempt, inputs, .. }
                        if tag_of(&inputs).starts_with("secret-") =>
                    {
                        expected.insert(((run.clone(), path), u64::from(attempt)));
                    }
                    Entry::StepFinished(step) if step.attempt > 0 => {
                        ended.insert(((run.clone(), step.path), u64::from(step.attempt)));
                    }
                    _ => {}
                }
            }
        }
        ended.retain(|attempt| expected.contains(attempt));
        let mut compare = |what: &str, wanted: &BTreeSet<(StepKey, u64)>, found: &[(StepKey, u64)]| {
            let once: BTreeSet<_> = found.iter().cloned().collect();
            for ((run, path), attempt) in wanted.symmetric_difference(&once) {
                broken.push((
                    run.clone(),
                    format!("attempt {attempt} of `{path}`: {what} and journal disagree"),
                ));
            }
            if once.len() != found.len() {
                broken.push((String::new(), format!("{what} twice in the audit log")));
            }
        };
        compare("hand-out", &expected, &self.journals.granted);
        compare("use", &ended, &self.journals.used);
    }

    /// The runs of a workflow are numbered without gaps.
    fn check_numbers(&self, broken: &mut Vec<Broken>) {
        for (workflow, numbers) in &self.journals.numbers {
            if !numbers.iter().copied().eq(1..=numbers.len() as i64) {
                broken
                    .push((String::new(), format!("runs of workflow `{workflow}` are numbered {numbers:?}")));
            }
        }
    }
}

/// A journal begins with 1 and `started`, has no gaps, and goes on after its end in no way.
fn numbering(lines: &[Line]) -> Option<String> {
    if !lines.iter().map(|line| line.seq).eq(1..=lines.len() as i64) {
        return Some("its journal has a gap".to_owned());
    }
    let entries: Vec<Entry> = lines.iter().map(Line::entry).collect();
    let begins = |entry: &Entry| matches!(entry, Entry::Started { .. });
    let ends = |entry: &Entry| matches!(entry, Entry::Finished { .. });
    if !entries.first().is_some_and(begins) || entries.iter().filter(|entry| begins(entry)).count() != 1 {
        return Some("its journal does not begin as one does".to_owned());
    }
    let rest = entries.iter().skip_while(|entry| !ends(entry)).skip(1);
    (rest.count() > 0).then(|| "its journal goes on after its end".to_owned())
}

/// It has ended as its workflow ends, or stands still with a step in doubt.
fn outcome(run: &Value, in_doubt: usize) -> Option<String> {
    let tag = run["inputs"]["tag"].as_str().unwrap_or_default();
    let kind = Kind::of(tag);
    match run["state_ui"].as_str().unwrap_or_default() {
        "Completed" if run["outputs"] != kind.outputs(tag) => {
            Some(format!("its outputs are {}, not {}", run["outputs"], kind.outputs(tag)))
        }
        "Completed" if in_doubt == 0 => None,
        "Paused" if in_doubt > 0 => None,
        other => Some(format!("it is `{other}` with {in_doubt} steps in doubt")),
    }
}

fn steps_of(lines: &[Line]) -> BTreeMap<String, Step> {
    let mut steps: BTreeMap<String, Step> = BTreeMap::new();
    // What they do are runs, which are judged by themselves.
    let mut calls = BTreeSet::new();
    for entry in lines.iter().map(Line::entry) {
        match entry {
            Entry::StepStarted { path, subflow: Some(_), .. } => drop(calls.insert(path)),
            Entry::StepFinished(finished) if calls.contains(&finished.path) => {}
            Entry::StepStarted { path, attempt, inputs, .. } => {
                let inputs = inputs.to_json();
                let step = steps.entry(path).or_default();
                step.attempts += 1;
                if step.over {
                    step.nonsense = Some("it began after its end");
                } else if step.attempts != attempt as usize {
                    step.nonsense = Some("its attempts are not counted one by one");
                }
                step.method = inputs["method"].as_str().unwrap_or("GET").to_owned();
                step.path = path_of(inputs["url"].as_str().unwrap_or_default()).to_owned();
                step.keyed = inputs["idempotency_key_header"].is_string();
            }
            Entry::AttemptFailed { path, .. } => steps.entry(path).or_default().ended += 1,
            Entry::StepFinished(finished) if finished.attempt > 0 => {
                let step = steps.entry(finished.path).or_default();
                if step.over {
                    step.nonsense = Some("it ended twice");
                }
                step.ended += 1;
                step.over = true;
            }
            Entry::Paused { path, .. } => steps.entry(path).or_default().in_doubt = true,
            _ => {}
        }
    }
    steps
}

/// The deeds of one step against its journal. In a run that stands still, what may be repeated may lie still too.
fn wrong_with(step: &Step, calls: &[(usize, &Call)], stands_still: bool) -> Option<String> {
    let (made, Step { attempts, ended, .. }) = (calls.len(), step);
    if let Some(nonsense) = step.nonsense {
        return Some(nonsense.to_owned());
    }
    if made > *attempts || made < *ended {
        return Some(format!("{made} calls, {attempts} attempts of which {ended} have ended"));
    }
    if !step.may_be_repeated() && *attempts > 1 {
        return Some(format!("it must not be repeated, and has {attempts} attempts"));
    }
    let lies_still = stands_still && step.may_be_repeated() && !step.over;
    if step.in_doubt == step.over && !lies_still {
        return Some(format!("it must have ended or be in doubt; ended: {}", step.over));
    }
    if step.in_doubt && step.may_be_repeated() {
        return Some("it is in doubt, and may be repeated".to_owned());
    }
    None
}

/// All attempts of a step send the same key, which is the step's own.
fn key_of(step: &Step, calls: &[(usize, &Call)], run: &str, path: &str) -> Option<String> {
    let wanted = step.keyed.then(|| format!("{run}/{path}"));
    let other = calls.iter().find(|(_, call)| call.key != wanted)?;
    Some(format!("{:?} has not the key {wanted:?}", other.1))
}

fn tag_of(inputs: &expr::Value) -> String {
    let inputs = inputs.to_json();
    let path = path_of(inputs["url"].as_str().unwrap_or_default());
    path.split('/').nth(1).unwrap_or_default().to_owned()
}

/// `http://host:port/run/step` -> `/run/step`.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |slash| &rest[slash..])
}
