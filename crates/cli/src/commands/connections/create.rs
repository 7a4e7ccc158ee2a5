//! `nictate connections create`.

use actions::connection_types::Registry;
use serde_json::{Map, json};

use super::secret::{read_file, read_stdin};
use super::show;
use crate::args::{Assignment, CreateArgs, Source};
use crate::client::Client;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::Printer;

pub(super) async fn run(client: &Client, printer: &Printer, args: &CreateArgs) -> Outcome {
    warn_of_open_secrets(printer, args);
    let mut attributes = Map::new();
    for attribute in &args.attributes {
        let value = resolve(attribute, &args.attributes, printer)?;
        if attributes.insert(attribute.name.clone(), json!({"value": value})).is_some() {
            return Err(Failure::new(
                Exit::Usage,
                format!("the attribute `{}` is given twice", attribute.name),
            ));
        }
    }
    let mut body = json!({
        "name": args.name,
        "type_name": args.type_name,
        "description": args.description,
        "attributes": attributes,
    });
    let at_runners = [("secret_manager", &args.secret_manager), ("runner_group", &args.runner_group)];
    for (member, value) in at_runners.into_iter().filter(|(_, value)| !value.is_empty()) {
        body[member] = json!(value);
    }
    let connection = client.post(&["connections"], &body).await?;
    if printer.is_json() {
        printer.json(&connection);
    } else {
        show(printer, &connection);
    }
    Ok(Exit::Ok)
}

fn resolve(attribute: &Assignment, all: &[Assignment], printer: &Printer) -> Outcome<String> {
    match &attribute.source {
        Source::Text(text) => Ok(text.clone()),
        Source::Json(value) => Ok(value.to_string()),
        Source::File(path) => read_file(path),
        Source::Stdin => {
            let readers = all.iter().filter(|other| other.source == Source::Stdin).count();
            read_stdin(&attribute.name, readers, printer)
        }
    }
}

/// Only the types that ship are known here; of others nothing is said.
fn warn_of_open_secrets(printer: &Printer, args: &CreateArgs) {
    let Some(kind) = Registry::builtin().get(&args.type_name) else { return };
    for attribute in args.attributes.iter().filter(|attribute| matches!(attribute.source, Source::Text(_))) {
        let name = &attribute.name;
        if kind.fields.iter().any(|field| field.name == *name && field.secret) {
            printer.warn(&format!(
                "the secret `{name}` stands on the command line, where the shell and `ps` keep it"
            ));
            printer.hint(&format!("`--attribute {name}=-` asks for it instead"));
        }
    }
}
