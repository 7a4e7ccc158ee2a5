//! `nictate migrate`: for deployments that change the database before they change the servers.

use serde_json::json;
use store::{DatabaseUrl, Db, Options};

use crate::args::MigrateArgs;
use crate::exit::Exit;
use crate::failure::{Context as _, Outcome};
use crate::printer::Printer;
use crate::settings;

pub(crate) async fn run(args: &MigrateArgs, printer: &Printer) -> Outcome {
    let config = settings::load(&args.database.flags())?;
    settings::start_log(&config.log, printer)?;
    let data = &config.server.data;
    std::fs::create_dir_all(data)
        .context(Exit::Failed, || format!("make the folder `{}`", data.display()))?;
    let url: DatabaseUrl =
        config.database_url().parse().context(Exit::Invalid, || "use `database.url`".to_owned())?;
    let db =
        Db::open(&url, &Options::default()).await.context(Exit::Failed, || "open the database".to_owned())?;
    let applied = db.migrate().await.context(Exit::Failed, || "migrate the database".to_owned())?;
    db.close().await;
    if printer.is_json() {
        printer.json(&json!({"applied": applied}));
        return Ok(Exit::Ok);
    }
    for name in &applied {
        printer.line(name);
    }
    match applied.len() {
        0 => printer.note("the database is up to date"),
        1 => printer.note("applied 1 migration"),
        count => printer.note(&format!("applied {count} migrations")),
    }
    Ok(Exit::Ok)
}
