//! The mails of invitations: written down with the invitation, sent by a job of every server, each by one of them at a time.
//! A server that dies between sending one and writing that down makes it go out twice.

use std::time::Duration;

use secrets::Secret;
use serde_json::json;
use store::audit::{ActorType, AuditEntry};
use store::invite_mails::{self, DueMail};
use store::{StoreError, Tx};
use tokio_util::sync::CancellationToken;
use types::{InviteId, SystemRng, Timestamp};

use crate::App;
use crate::mail::{Mailer, NotSent};
use crate::retention::pause;

/// How long a mail waits at most until it is looked at.
const LOOK_PAUSE: Duration = Duration::from_secs(2);
/// How often a mail is tried.
const TRIES_MAX: i64 = 8;
/// How long it rests after the first try: longer than one may take. After each more, [`PAUSE_FACTOR`] times as long.
const PAUSE_FIRST: Duration = Duration::from_secs(60);
const PAUSE_FACTOR: u32 = 4;
/// How long it rests at most.
const PAUSE_MAX: Duration = Duration::from_secs(4 * 60 * 60);
const SUBJECT: &str = "You are invited to Nictate";

/// Writes down the mail with an invitation's link, if mail is sent at all. An earlier one is not sent any more.
pub(crate) async fn put(app: &App, tx: &Tx<'_>, invite: InviteId, link: &str) -> Result<(), StoreError> {
    if app.mailer().is_none() {
        return invite_mails::delete_of(tx, invite).await;
    }
    let text = text(app.public_url(), link);
    let sealed = app.vault().masters().mail_sealer().seal(invite, &text, &mut SystemRng);
    invite_mails::put(tx, invite, &sealed, app.clock().now()).await
}

fn text(public_url: &str, link: &str) -> Secret<String> {
    Secret::new(format!(
        "Hello,\r\n\r\nyou are invited to the Nictate server at {public_url}\r\n\r\n\
         Open this link to choose a name and a password:\r\n\r\n{link}\r\n\r\n\
         It works once, and for 5 days. Whoever has it can use it: do not pass it on.\r\n\
         If you did not expect this, do nothing.\r\n"
    ))
}

/// Sends what is due again and again, until `stop`.
pub(crate) async fn keep(app: App, stop: CancellationToken) {
    while pause(LOOK_PAUSE, &stop).await {
        if let Err(error) = all(&app, &stop).await {
            tracing::warn!(%error, "mails of invitations could not be sent");
        }
    }
}

async fn all(app: &App, stop: &CancellationToken) -> Result<(), StoreError> {
    let now = app.clock().now();
    // Asked first: most looks find nothing, and need not wait for those who write.
    if invite_mails::expired(app.db(), now).await? > 0 {
        app.db().write(async move |tx| invite_mails::delete_expired(tx, now).await).await?;
    }
    let Some(mailer) = app.mailer() else { return Ok(()) };
    for mail in invite_mails::due(app.db(), now).await? {
        if stop.is_cancelled() {
            return Ok(());
        }
        one(app, mailer, mail).await?;
    }
    Ok(())
}

async fn one(app: &App, mailer: &Mailer, mail: DueMail) -> Result<(), StoreError> {
    // A server has died in the last try.
    if mail.tries >= TRIES_MAX {
        return end(app, mail, Some("interrupted")).await;
    }
    let until = app.clock().now().saturating_add(rest_after(mail.tries));
    let taken = mail.clone();
    if !app.db().write(async move |tx| invite_mails::claim(tx, &taken, until).await).await? {
        return Ok(());
    }
    let mail = DueMail { tries: mail.tries + 1, ..mail };
    match send(app, mailer, &mail).await {
        Ok(()) => end(app, mail, None).await,
        Err(NotSent { reason, is_final }) if is_final || mail.tries >= TRIES_MAX => {
            tracing::warn!(invite_id = %mail.invite_id, %reason, "gave up sending the mail of an invitation");
            end(app, mail, Some(&reason)).await
        }
        Err(NotSent { reason, .. }) => {
            tracing::warn!(invite_id = %mail.invite_id, %reason, "the mail of an invitation is tried again later");
            Ok(())
        }
    }
}

async fn send(app: &App, mailer: &Mailer, mail: &DueMail) -> Result<(), NotSent> {
    let opened = app.vault().masters().mail_sealer().open(mail.invite_id, &mail.sealed);
    let text =
        opened.map_err(|_| NotSent { reason: "sealed with another key".to_owned(), is_final: true })?;
    mailer.send(&mail.email, SUBJECT, &text).await
}

/// Deletes a mail that was sent, or is given up for that reason, and says so. One that is gone meanwhile, with its invitation,
/// was sent all the same.
async fn end(app: &App, mail: DueMail, given_up: Option<&str>) -> Result<(), StoreError> {
    let entry = audit(app, &mail, given_up, app.clock().now());
    let is_sent = given_up.is_none();
    app.db()
        .write(async move |tx| {
            if invite_mails::delete(tx, &mail).await? || is_sent {
                store::audit::record(tx, &entry).await?;
            }
            Ok(())
        })
        .await
}

fn audit(app: &App, mail: &DueMail, given_up: Option<&str>, now: Timestamp) -> AuditEntry {
    let (action, details) = match given_up {
        None => ("mail.sent", json!({"name": mail.email, "tries": mail.tries})),
        Some(reason) => ("mail.given_up", json!({"name": mail.email, "tries": mail.tries, "reason": reason})),
    };
    AuditEntry {
        id: app.new_id(),
        tenant_id: mail.tenant_id,
        workspace_id: None,
        at: now,
        actor_type: ActorType::System,
        actor_id: "mail".to_owned(),
        action: action.to_owned(),
        entity_type: "invite".to_owned(),
        entity_id: mail.invite_id.to_string(),
        host: None,
        details: details.to_string(),
    }
}

/// How long a mail rests after a try that was preceded by so many.
fn rest_after(tries: i64) -> Duration {
    let factor = PAUSE_FACTOR.saturating_pow(u32::try_from(tries).unwrap_or(0));
    PAUSE_FIRST.saturating_mul(factor).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rest_is_longer_up_to_the_longest() {
        let minutes: Vec<u64> = (0..TRIES_MAX).map(|tries| rest_after(tries).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 4, 16, 64, 240, 240, 240, 240]);
        assert!(crate::mail::SEND_TIME_MAX < PAUSE_FIRST);
    }
}
