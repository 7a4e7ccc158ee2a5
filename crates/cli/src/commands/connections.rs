//! `nictate connections …`: one file for each of its commands that is more than a request.

mod create;
pub(super) mod secret;

use actions::connection_types::Registry;
use serde_json::{Value, json};

use crate::args::{ConnectionsArgs, ConnectionsCommand, PageArgs};
use crate::client::{Client, find_connection, results};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::{Printer, Target, Tone};
use crate::table::{Table, note_more};
use crate::text::{instant, printable, value_line};

pub(crate) async fn run(args: &ConnectionsArgs, printer: &Printer) -> Outcome {
    let client = Client::new(&args.api)?;
    match &args.command {
        ConnectionsCommand::List { type_name, search, page } => {
            list(&client, printer, type_name.as_deref(), search.as_deref(), page).await
        }
        ConnectionsCommand::Get { connection } => get(&client, printer, connection).await,
        ConnectionsCommand::Create(args) => create::run(&client, printer, args).await,
        ConnectionsCommand::Test { connection } => test(&client, printer, connection).await,
        ConnectionsCommand::Delete { connection, force } => {
            delete(&client, printer, connection, *force).await
        }
    }
}

async fn list(
    client: &Client,
    printer: &Printer,
    type_name: Option<&str>,
    search: Option<&str>,
    page: &PageArgs,
) -> Outcome {
    let mut q = json!({"limit": page.limit, "offset": page.offset, "sort": ["name"]});
    if let Some(type_name) = type_name {
        q["filter"] = json!({"type_name": type_name});
    }
    if let Some(text) = search {
        q["search"] = json!({"text": text, "fields": ["name"]});
    }
    let answer = client.get(&["connections"], &[("q", q.to_string())]).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["NAME", "TYPE", "STATUS", "UPDATED", "ID"]);
    for row in results(&answer) {
        table.row([
            value_line(&row["name"]),
            value_line(&row["type_name"]),
            value_line(&row["status"]),
            instant(row["updated_at"].as_i64().unwrap_or(0)),
            value_line(&row["id"]),
        ]);
    }
    table.print(printer);
    note_more(printer, &answer);
    Ok(Exit::Ok)
}

async fn get(client: &Client, printer: &Printer, named: &str) -> Outcome {
    let id = find_connection(client, named).await?;
    let answer = client.get(&["connections", &id], &[]).await?;
    // The API answers an array that holds the one connection.
    let connection = answer.get(0).unwrap_or(&answer);
    if printer.is_json() {
        printer.json(connection);
        return Ok(Exit::Ok);
    }
    show(printer, connection);
    Ok(Exit::Ok)
}

/// The members a person asks for; `--json` has them all.
pub(super) fn show(printer: &Printer, connection: &Value) {
    let line = |name: &str, value: String| {
        if !value.is_empty() {
            let name = printer.paint(Target::Out, Tone::Heading, &format!("{:<12}", format!("{name}:")));
            printer.line(&format!("{name} {}", printable(&value)));
        }
    };
    line("name", value_line(&connection["name"]));
    line("id", value_line(&connection["id"]));
    line("type", type_name(connection));
    line("status", value_line(&connection["status"]));
    line("description", value_line(&connection["description"]));
    line("created", instant(connection["created_at"].as_i64().unwrap_or(0)));
    line("updated", instant(connection["updated_at"].as_i64().unwrap_or(0)));
    for (name, attribute) in connection["attributes"].as_object().into_iter().flatten() {
        line("attribute", format!("{name} = {}", value_line(&attribute["value"])));
    }
}

/// One connection names its type by id alone; those that ship are known here.
fn type_name(connection: &Value) -> String {
    let id = connection["connection_type_id"].as_str().unwrap_or_default();
    let kind = id.parse().ok().and_then(|id| Registry::builtin().get_by_id(id));
    kind.map_or_else(|| id.to_owned(), |kind| kind.name.clone())
}

async fn test(client: &Client, printer: &Printer, named: &str) -> Outcome {
    let id = find_connection(client, named).await?;
    let answer = client.post(&["connections", "test"], &json!({"connection": {"id": id}})).await?;
    if printer.is_json() {
        printer.json(&answer);
    } else {
        let ok = printer.paint(Target::Out, Tone::Success, "ok");
        printer.line(&format!("{ok} {}", printable(&value_line(&answer))));
    }
    Ok(Exit::Ok)
}

async fn delete(client: &Client, printer: &Printer, named: &str, force: bool) -> Outcome {
    let id = find_connection(client, named).await?;
    let query = [("force", "true".to_owned())];
    let deleted = client.delete(&["connections", &id], if force { &query } else { &[] }).await;
    let answer = deleted.map_err(|failure| offer_force(failure, force))?;
    if printer.is_json() {
        printer.json(&answer);
    } else {
        printer.note(&format!("deleted connection `{}`", printable(named)));
    }
    Ok(Exit::Ok)
}

fn offer_force(mut failure: Failure, force: bool) -> Failure {
    if failure.identifier() == "connection_in_use" && !force {
        // The same advice, to those who speak HTTP.
        failure.details.retain(|detail| !detail.contains("force=true"));
        return failure.hint("--force deletes it all the same; those workflows will fail where they use it");
    }
    failure
}
