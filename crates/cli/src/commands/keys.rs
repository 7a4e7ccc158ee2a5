//! `nictate keys rotate`: new data keys, every secret sealed again under them, then a new master key. Works
//! beside running servers, and goes on where it was broken off.

use secrets::KeyFile;
use serde_json::json;
use server::Stores;
use server::keys::{rotate_data_keys, rotate_master};
use types::SystemClock;

use super::serve::start_failure;
use crate::args::{DatabaseArgs, KeysArgs, KeysCommand};
use crate::exit::Exit;
use crate::failure::{Context as _, Outcome};
use crate::printer::Printer;
use crate::settings;

pub(crate) async fn run(args: &KeysArgs, printer: &Printer) -> Outcome {
    match &args.command {
        KeysCommand::Rotate { database } => rotate(database, printer).await,
    }
}

async fn rotate(args: &DatabaseArgs, printer: &Printer) -> Outcome {
    let config = settings::load(&args.flags())?;
    settings::start_log(&config.log, printer)?;
    let stores = Stores::open(&config).await.map_err(start_failure)?;
    let sealing = || "seal the stored secrets again".to_owned();
    let sealed =
        rotate_data_keys(&stores.db, &stores.vault, &SystemClock).await.context(Exit::Failed, sealing)?;
    // Last, for the vault above knows the keys that the file held when it was opened.
    let wrapping = || "change the master key".to_owned();
    let mut file = KeyFile::load(&config.key_file()).context(Exit::Failed, wrapping)?;
    let wrapped = rotate_master(&stores.db, &mut file).await.context(Exit::Failed, wrapping)?;
    stores.db.close().await;
    if printer.is_json() {
        printer.json(&json!({
            "connections": sealed.connections,
            "workspaces": sealed.workspaces,
            "data_keys": wrapped.data_keys,
        }));
        return Ok(Exit::Ok);
    }
    printer.line(&format!("connections sealed again  {}", sealed.connections));
    printer.line(&format!("new data keys             {}", sealed.workspaces));
    printer.line(&format!("data keys wrapped again   {}", wrapped.data_keys));
    printer.note(&format!("back up the key file `{}` now: the old one opens nothing", file.path.display()));
    Ok(Exit::Ok)
}
