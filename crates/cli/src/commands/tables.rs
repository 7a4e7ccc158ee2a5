//! `nictate tables …`: SQL, and records into files and out of them, however large.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde_json::{Value, json};

use crate::args::{Format, PageArgs, TablesArgs, TablesCommand};
use crate::client::{Client, results};
use crate::exit::Exit;
use crate::failure::{Context as _, Outcome};
use crate::printer::Printer;
use crate::table::{Table, note_more};
use crate::text::{instant, value_line};

pub(crate) async fn run(args: &TablesArgs, printer: &Printer) -> Outcome {
    let client = Client::new(&args.api)?;
    match &args.command {
        TablesCommand::List { page } => list(&client, printer, page).await,
        TablesCommand::Sql { sql, params } => ask(&client, printer, sql, params).await,
        TablesCommand::Export { table, format, output, q } => {
            let format = format.or_else(|| output.as_deref().and_then(named)).unwrap_or(Format::Csv);
            export(&client, printer, (table, format), (output.as_deref(), q.as_deref())).await
        }
        TablesCommand::Import { table, file, format } => {
            let format = format.or_else(|| named(file)).unwrap_or(Format::Csv);
            import(&client, printer, (table, format), file).await
        }
    }
}

async fn list(client: &Client, printer: &Printer, page: &PageArgs) -> Outcome {
    let q = json!({"limit": page.limit, "offset": page.offset, "sort": ["name"]});
    let answer = client.get(&["tables"], &[("q", q.to_string())]).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["NAME", "DISPLAY NAME", "RECORDS", "UPDATED"]);
    for row in results(&answer) {
        table.row([
            value_line(&row["name"]),
            value_line(&row["display_name"]),
            value_line(&row["estimated_records_count"]),
            instant(row["updated_at"].as_i64().unwrap_or(0)),
        ]);
    }
    table.print(printer);
    note_more(printer, &answer);
    Ok(Exit::Ok)
}

async fn ask(client: &Client, printer: &Printer, sql: &str, params: &[String]) -> Outcome {
    let mut given = String::new();
    if sql == "-" {
        io::stdin().read_to_string(&mut given).context(Exit::Failed, || "read stdin".to_owned())?;
    }
    let sql = if sql == "-" { given.as_str() } else { sql };
    let params: Vec<Value> = params
        .iter()
        .map(|param| serde_json::from_str(param).unwrap_or_else(|_| Value::from(param.as_str())))
        .collect();
    let answer = client.post(&["tables", "sql"], &json!({"sql": sql, "params": params})).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let columns: Vec<&str> = match results(&answer).first() {
        Some(Value::Object(row)) => row.keys().map(String::as_str).collect(),
        _ => {
            printer.note("no rows");
            return Ok(Exit::Ok);
        }
    };
    let mut table = Table::new(&columns);
    for row in results(&answer) {
        table.row(columns.iter().map(|column| value_line(&row[*column])));
    }
    table.print(printer);
    Ok(Exit::Ok)
}

async fn export(
    client: &Client,
    printer: &Printer,
    (table, format): (&str, Format),
    (output, q): (Option<&Path>, Option<&str>),
) -> Outcome {
    let mut query = vec![("format", format.as_str().to_owned())];
    query.extend(q.map(|q| ("q", q.to_owned())));
    let path = ["table", table, "export"];
    let Some(output) = output else {
        client.download(&path, &query, &mut io::stdout()).await?;
        return Ok(Exit::Ok);
    };
    let shown = output.display();
    let mut file = File::create_new(output).context(Exit::Failed, || format!("create `{shown}`"))?;
    if let Err(failure) = client.download(&path, &query, &mut file).await {
        // Half a file would look like a whole one.
        let _ = fs::remove_file(output);
        return Err(failure);
    }
    printer.note(&format!("wrote `{shown}`"));
    Ok(Exit::Ok)
}

async fn import(client: &Client, printer: &Printer, (table, format): (&str, Format), file: &Path) -> Outcome {
    let input: Box<dyn Read + Send> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).context(Exit::Failed, || format!("open `{}`", file.display()))?)
    };
    let query = [("format", format.as_str().to_owned())];
    let answer = client.upload(&["table", table, "import"], &query, input).await?;
    if printer.is_json() {
        printer.json(&answer);
    } else {
        printer.note(&format!("made {} records, refused {}", answer["imported"], answer["refused"]));
        for row in answer["rows"].as_array().into_iter().flatten() {
            for (field, why) in row["errors"].as_object().into_iter().flatten() {
                printer.warn(&format!("row {}: `{field}` {}", row["row"], value_line(why)));
            }
        }
        if answer["is_complete"] == false {
            printer.warn("too many rows were refused: the rest of the file was not read");
        }
    }
    let is_whole = answer["refused"] == 0 && answer["is_complete"] == true;
    Ok(if is_whole { Exit::Ok } else { Exit::Invalid })
}

/// The format that a file's name says.
fn named(file: &Path) -> Option<Format> {
    let ending = file.extension()?.to_str()?.to_ascii_lowercase();
    [Format::Csv, Format::Json, Format::Jsonl].into_iter().find(|format| format.as_str() == ending)
}
