//! `nictate connection-types …`. Types belong to the tenant, so their addresses name no workspace.

use serde_json::{Value, json};

use crate::args::{ConnectionTypesArgs, ConnectionTypesCommand, PageArgs};
use crate::client::{Client, results};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::{Printer, Target, Tone};
use crate::table::{Table, note_more};
use crate::text::{printable, value_line};

pub(crate) async fn run(args: &ConnectionTypesArgs, printer: &Printer) -> Outcome {
    let client = Client::new(&args.api)?;
    match &args.command {
        ConnectionTypesCommand::List { search, page } => {
            list(&client, printer, search.as_deref(), page).await
        }
        ConnectionTypesCommand::Get { connection_type } => get(&client, printer, connection_type).await,
    }
}

async fn list(client: &Client, printer: &Printer, search: Option<&str>, page: &PageArgs) -> Outcome {
    let mut q = json!({"limit": page.limit, "offset": page.offset, "sort": ["name"]});
    if let Some(text) = search {
        q["search"] = json!({"text": text, "fields": ["name"]});
    }
    let answer = client.get_root(&["connection_types"], &[("q", q.to_string())]).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["NAME", "DISPLAY NAME", "ATTRIBUTES"]);
    for row in results(&answer) {
        let attributes: Vec<&str> = ordered_attributes(row).into_iter().map(|(name, _)| name).collect();
        table.row([value_line(&row["name"]), value_line(&row["display_name"]), attributes.join(", ")]);
    }
    table.print(printer);
    note_more(printer, &answer);
    Ok(Exit::Ok)
}

async fn get(client: &Client, printer: &Printer, named: &str) -> Outcome {
    let kind = client.get_root(&["connection_types", named], &[]).await?;
    if printer.is_json() {
        printer.json(&kind);
        return Ok(Exit::Ok);
    }
    let title = printer.paint(Target::Out, Tone::Heading, &printable(&value_line(&kind["name"])));
    printer.line(&format!("{title}  {}", printable(&value_line(&kind["id"]))));
    let mut table = Table::new(&["ATTRIBUTE", "REQUIRED", "KIND", "MEANING"]);
    for (name, attribute) in ordered_attributes(&kind) {
        let required = if attribute["required"] == true { "yes" } else { "no" };
        let meaning = [&attribute["description"], &attribute["display_name"]];
        let meaning = meaning.into_iter().map(value_line).find(|text| !text.is_empty());
        table.row([
            name.to_owned(),
            required.to_owned(),
            value_line(&attribute["input_type"]),
            meaning.unwrap_or_default(),
        ]);
    }
    table.print(printer);
    Ok(Exit::Ok)
}

/// A type's attributes in the order of its form.
fn ordered_attributes(kind: &Value) -> Vec<(&str, &Value)> {
    let attributes = kind["attributes"].as_object().into_iter().flatten();
    let mut attributes: Vec<(&str, &Value)> =
        attributes.map(|(name, value)| (name.as_str(), value)).collect();
    attributes.sort_by_key(|(_, attribute)| attribute["index"].as_i64().unwrap_or(i64::MAX));
    attributes
}
