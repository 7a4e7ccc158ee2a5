//! `nictate users set-password`: works on the database itself, beside running servers, for whoever nobody can send a link.

use secrets::Secret;
use serde_json::json;
use server::Stores;
use server::users::{NewPassword, SetPasswordError, set_password};
use types::SystemClock;

use super::connections::secret::read_stdin;
use super::serve::start_failure;
use crate::args::{UsersArgs, UsersCommand};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome, chain};
use crate::printer::Printer;
use crate::settings;

pub(crate) async fn run(args: &UsersArgs, printer: &Printer) -> Outcome {
    let UsersCommand::SetPassword { email, must_change, remove_totp, database } = &args.command;
    let config = settings::load(&database.flags())?;
    settings::start_log(&config.log, printer)?;
    let password = Secret::new(read_stdin("password", 1, printer)?);
    let stores = Stores::open(&config).await.map_err(start_failure)?;
    let new = NewPassword { password, must_change: *must_change, remove_totp: *remove_totp };
    let set = set_password(&stores, email, new, &SystemClock).await;
    stores.db.close().await;
    let user = set.map_err(|error| {
        let exit = match error {
            SetPasswordError::Store(_) => Exit::Failed,
            SetPasswordError::UnknownUser(_) | SetPasswordError::Refused(_) => Exit::Invalid,
        };
        Failure::new(exit, chain(&error))
    })?;
    if printer.is_json() {
        printer.json(&json!({"id": user.id, "email": user.email}));
    } else {
        printer
            .line(&format!("{} signs in with the new password; sessions from before have ended", user.email));
    }
    Ok(Exit::Ok)
}
