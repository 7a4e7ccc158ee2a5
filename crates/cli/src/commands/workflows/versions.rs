//! `nictate workflows versions`, `diff` and `restore`: what was saved of a workflow.

use serde_json::json;

use crate::args::{PageArgs, SavedVersion};
use crate::client::{Client, find_workflow, results};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::{Printer, Target, Tone};
use crate::table::{Table, note_more};
use crate::text::{instant, printable, value_line};

pub(super) async fn list(client: &Client, printer: &Printer, named: &str, page: &PageArgs) -> Outcome {
    let id = find_workflow(client, named).await?;
    let q = json!({"limit": page.limit, "offset": page.offset}).to_string();
    let answer = client.get(&["playbooks", &id, "versions"], &[("q", q)]).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["VERSION", "SAVED", "BY", "SOURCE", "PUBLISHED"]);
    for row in results(&answer) {
        let author = [&row["created_by_name"], &row["created_by"]];
        let author = author.into_iter().map(value_line).find(|text| !text.is_empty());
        table.row([
            value_line(&row["id"]),
            instant(row["created_at"].as_i64().unwrap_or(0)),
            author.unwrap_or_default(),
            value_line(&row["source"]),
            if row["is_published"] == true { "yes" } else { "" }.to_owned(),
        ]);
    }
    table.print(printer);
    note_more(printer, &answer);
    Ok(Exit::Ok)
}

pub(super) async fn diff(
    client: &Client,
    printer: &Printer,
    named: &str,
    from: &str,
    to: Option<&str>,
) -> Outcome {
    let id = find_workflow(client, named).await?;
    let mut query = vec![("from", from.to_owned())];
    query.extend(to.map(|to| ("to", to.to_owned())));
    let answer = client.get(&["playbooks", &id, "versions", "diff"], &query).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let text = answer["diff"].as_str().unwrap_or_default();
    if !printer.is_colored(Target::Out) {
        // As a patch, byte for byte.
        printer.document(text);
    } else {
        text.split_inclusive('\n').for_each(|line| coloured(printer, line));
    }
    if text.is_empty() {
        let (from, to) = (value_line(&answer["from"]), value_line(&answer["to"]));
        printer.note(&format!("{} and {} are the same", printable(&from), printable(&to)));
    }
    Ok(Exit::Ok)
}

fn coloured(printer: &Printer, line: &str) {
    let text = printable(line.trim_end_matches(['\n', '\r'])).into_owned();
    let tone = match line.as_bytes().first() {
        Some(b'+') => Tone::Success,
        Some(b'-') => Tone::Error,
        Some(b'@') => Tone::Hint,
        _ => return printer.line(&text),
    };
    printer.line(&printer.paint(Target::Out, tone, &text));
}

pub(super) async fn restore(
    client: &Client,
    printer: &Printer,
    named: &str,
    version: &SavedVersion,
) -> Outcome {
    let id = find_workflow(client, named).await?;
    let SavedVersion { branch, number } = version;
    let path = ["playbooks", &id, "version", branch, &number.to_string(), "restore"];
    let answer = client.post(&path, &json!({})).await?;
    if printer.is_json() {
        printer.json(&answer);
    } else {
        let draft = value_line(&answer["version_id"]);
        let name = printable(named);
        printer.note(&format!(
            "draft {draft} of workflow `{name}` is {branch}/{number} again; nothing is published"
        ));
    }
    Ok(Exit::Ok)
}
