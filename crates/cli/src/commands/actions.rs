//! `nictate actions …`: what the steps of workflows can do.

use serde_json::{Value, json};

use crate::args::{ActionsArgs, ActionsCommand};
use crate::client::Client;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::{Printer, Target, Tone};
use crate::table::Table;
use crate::text::{printable, value_line};

pub(crate) async fn run(args: &ActionsArgs, printer: &Printer) -> Outcome {
    let client = Client::new(&args.api)?;
    match &args.command {
        ActionsCommand::List { search } => list(&client, printer, search.as_deref()).await,
        ActionsCommand::Get { action } => get(&client, printer, action).await,
    }
}

async fn list(client: &Client, printer: &Printer, search: Option<&str>) -> Outcome {
    let filter = json!({"search": search.unwrap_or_default(), "action_per_collection_limit": 0});
    let q = json!({"limit": 0, "offset": 0, "filter": filter}).to_string();
    let answer = client.get(&["actions"], &[("q", q)]).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["ACTION", "NAME", "COLLECTION"]);
    for collection in answer["collections"].as_array().into_iter().flatten() {
        for action in collection["actions"].as_array().into_iter().flatten() {
            table.row([
                value_line(&action["full_name"]),
                value_line(&action["display_name"]),
                value_line(&collection["collection_display_name"]),
            ]);
        }
    }
    table.print(printer);
    Ok(Exit::Ok)
}

async fn get(client: &Client, printer: &Printer, name: &str) -> Outcome {
    let action = client.get(&["actions", name], &[]).await?;
    if printer.is_json() {
        printer.json(&action);
        return Ok(Exit::Ok);
    }
    let title = printable(&value_line(&action["full_name"])).into_owned();
    let title = printer.paint(Target::Out, Tone::Heading, &title);
    printer.line(&format!("{title}  {}", printable(&value_line(&action["display_name"]))));
    printer.line(&printable(&value_line(&action["description"])));
    if let Some(line) = connections(&action) {
        printer.line(&printable(&line));
    }
    let mut table = Table::new(&["INPUT", "REQUIRED", "TYPE", "DEFAULT", "MEANING"]);
    for parameter in action["parameters"].as_array().into_iter().flatten() {
        table.row([
            value_line(&parameter["name"]),
            if parameter["required"] == true { "yes" } else { "no" }.to_owned(),
            value_line(&parameter["input_type"]),
            value_line(&parameter["default_value"]),
            value_line(&parameter["description"]),
        ]);
    }
    table.print(printer);
    Ok(Exit::Ok)
}

/// What a step may name under `connections`; none if it needs nothing.
fn connections(action: &Value) -> Option<String> {
    let names: Vec<&str> = action["connection_types"].as_array()?.iter().filter_map(Value::as_str).collect();
    let may = if action["connection_optional"] == true { "may have" } else { "needs" };
    (!names.is_empty()).then(|| format!("{may} a connection: {}", names.join(", ")))
}
