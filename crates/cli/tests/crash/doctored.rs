//! Evidence that has been tampered with: every way in which a promise may be broken must be noticed.

use serde_json::json;

use super::journal::Line;
use super::tool::Call;
use super::verdict::Evidence;

type Doctor = fn(&mut Evidence);

const DOCTORED: &[(&str, Doctor)] = &[
    ("an accepted run is lost", |all| drop(all.runs.remove(accepted(all, "gets-")))),
    ("a run is stuck", |all| {
        let run = accepted(all, "gets-");
        all.runs[run]["state_ui"] = json!("Running");
    }),
    ("a run fails", |all| {
        let run = accepted(all, "pure-");
        all.runs[run]["state_ui"] = json!("Failed");
    }),
    ("outputs are wrong", |all| {
        let run = accepted(all, "loop-");
        all.runs[run]["outputs"] = json!({"said": []});
    }),
    ("a line of a journal is lost", |all| drop(journal(all, "gets-").remove(2))),
    ("a journal goes on after its end", |all| {
        let lines = journal(all, "gets-");
        let again = Line { seq: lines.len() as i64 + 1, body: lines[1].body.clone() };
        lines.push(again);
    }),
    ("a line that a killed server left is another one", |all| {
        let lines = all.deaths[0].journals.runs.values_mut().next().unwrap();
        lines[0].body.push(' ');
    }),
    ("what had ended when a server died is done again", |all| {
        let path = finished_by_the_first_death(all);
        all.calls.push(Call { method: "GET".to_owned(), path, key: None });
    }),
    ("what must not be repeated is done twice", |all| {
        let post = all.calls.iter().find(|call| call.method == "POST" && call.key.is_none()).unwrap().clone();
        all.calls.insert(0, post);
    }),
    ("a step that has ended was never done", |all| {
        let first = all.calls.iter().position(|call| call.path.starts_with("/loop-")).unwrap();
        let path = all.calls[first].path.clone();
        all.calls.retain(|call| call.path != path);
    }),
    ("a step is done for a run that is nowhere", |all| all.calls[0].path = "/nobody-7/S1".to_owned()),
    ("an idempotency key changes", |all| {
        let keyed = all.calls.iter_mut().find(|call| call.key.is_some()).unwrap();
        keyed.key = Some("another".to_owned());
    }),
    ("a hand-out is missing in the audit log", |all| drop(all.journals.granted.pop())),
    ("a use is missing in the audit log", |all| drop(all.journals.used.pop())),
    ("a hand-out is in the audit log twice", |all| {
        let again = all.journals.granted[0].clone();
        all.journals.granted.push(again);
    }),
    ("a caller is told something else than that the server is away", |all| {
        all.told.refused.push(("pure-7".to_owned(), "500".to_owned()));
    }),
    ("a number of a run is missing", |all| {
        all.journals.numbers.values_mut().next().unwrap().remove(0);
    }),
];

/// What was done to the evidence and not noticed.
pub(crate) fn unnoticed(evidence: &Evidence) -> Vec<&'static str> {
    let unnoticed = DOCTORED.iter().filter(|(_, doctor)| {
        let mut evidence = evidence.clone();
        doctor(&mut evidence);
        evidence.broken().is_empty()
    });
    unnoticed.map(|(what, _)| *what).collect()
}

/// The place of an accepted run that has completed, by the beginning of its tag.
fn accepted(all: &Evidence, tag: &str) -> usize {
    let (_, id) = all.told.accepted.iter().find(|(other, _)| other.starts_with(tag)).unwrap();
    all.runs.iter().position(|run| run["id"] == **id).unwrap()
}

fn journal<'e>(all: &'e mut Evidence, tag: &str) -> &'e mut Vec<Line> {
    let (_, id) = all.told.accepted.iter().find(|(other, _)| other.starts_with(tag)).unwrap();
    all.journals.runs.get_mut(id).unwrap()
}

/// The address of an effect that had ended when the first server was killed.
fn finished_by_the_first_death(all: &Evidence) -> String {
    let calls = &all.calls[..all.deaths[0].calls];
    let ended = calls.iter().find(|call| {
        let (tag, step) = call.path[1..].split_once('/').unwrap();
        let mut accepted = all.told.accepted.iter();
        let id = accepted.find(|(other, _)| other == tag).map(|(_, id)| id);
        let lines = id.and_then(|id| all.deaths[0].journals.runs.get(id));
        let over =
            |line: &Line| line.body.contains("step_finished") && line.body.contains(&format!("{tag}/{step}"));
        call.method == "GET" && lines.is_some_and(|lines| lines.iter().any(over))
    });
    ended.unwrap().path.clone()
}
