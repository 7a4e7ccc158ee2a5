//! Mails of invitations: sent once, tried again, given up, and never where nobody is invited any more.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use server::config::{Config, SmtpSecurity};
use types::Clock as _;

use crate::support::smtp::Smtp;
use crate::support::{Nictate, Reply, logged, on_both_with, text, until};

const INVITE: &str = "/api/v1/invite";
/// Longer than a mail rests before any try.
const REST: Duration = Duration::from_secs(4 * 60 * 60);
/// How often one is tried.
const TRIES: usize = 8;
/// Longer than the job's pause.
const A_LOOK: Duration = Duration::from_millis(2_500);
const LATER: &str = "451 later";

/// Runs the story on both databases, each with a server for mail of its own.
async fn with_smtp<F: AsyncFn(&mut Nictate, &Smtp)>(refusals: &[&'static str], story: F) {
    let both = [Smtp::refusing(refusals).await, Smtp::refusing(refusals).await];
    let configured = |port: u16| {
        move |config: &mut Config| {
            config.smtp.host = "127.0.0.1".to_owned();
            config.smtp.port = port;
            config.smtp.security = SmtpSecurity::None;
            config.smtp.from = "Nictate <nictate@example.com>".to_owned();
        }
    };
    // Each database starts its server once, in turn.
    let next = std::sync::atomic::AtomicUsize::new(0);
    let configure = |config: &mut Config| {
        let turn = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        configured(both[turn % 2].port)(config);
    };
    on_both_with(configure, async |nictate| {
        let smtp = both.iter().find(|smtp| smtp.port == nictate.config.smtp.port).unwrap();
        story(nictate, smtp).await;
    })
    .await;
}

async fn invite(nictate: &Nictate) -> String {
    let made = nictate.post(INVITE, json!([{"email": "bob@example.com"}])).await.ok();
    text(&made[0], "link")
}

async fn audited_once(nictate: &Nictate, action: &str) -> serde_json::Value {
    let entry = until(action, async || nictate.audited_in_tenant(action).await.pop()).await;
    assert_eq!(nictate.audited_in_tenant(action).await.len(), 1);
    assert_eq!(entry.workspace_id, None);
    serde_json::from_str(&entry.details).unwrap()
}

/// Puts the clock forward until there is one try more.
async fn tried_again(nictate: &Nictate, smtp: &Smtp, tries: usize) {
    nictate.clock.put_forward(REST);
    until("another try", async || (smtp.tries() >= tries).then_some(())).await;
}

#[tokio::test]
async fn an_invitation_is_mailed_once_after_the_server_has_refused_and_restarted() {
    with_smtp(&[LATER], async |nictate, smtp| {
        let link = invite(nictate).await;
        let code = link.split_once('#').unwrap().1.to_owned();
        until("the first try", async || (smtp.tries() == 1).then_some(())).await;
        // It waits where the code is not to be read.
        let now = nictate.clock.now();
        let rows = store::invite_mails::due(&nictate.db, now.saturating_add(REST)).await.unwrap();
        assert_eq!((rows.len(), rows[0].tries), (1, 1));
        assert!(!rows[0].sealed.contains(&code) && rows[0].sealed.starts_with("m1."));
        for file in nictate.database_files() {
            let bytes = std::fs::read(&file).unwrap_or_default();
            assert!(!bytes.windows(code.len()).any(|window| window == code.as_bytes()), "{}", file.display());
        }
        // Of two servers at once one has it.
        let (taken, until_then) = (rows[0].clone(), now.saturating_add(Duration::from_secs(60)));
        let claim = async |mail: store::invite_mails::DueMail| {
            nictate
                .write_beside(async move |tx| store::invite_mails::claim(tx, &mail, until_then).await)
                .await
        };
        assert!(claim(taken.clone()).await);
        assert!(!claim(taken).await);
        nictate.crash_and_start().await;
        tried_again(nictate, smtp, 2).await;
        assert_eq!(audited_once(nictate, "mail.sent").await, json!({"name": "bob@example.com", "tries": 3}));
        nictate.clock.put_forward(REST);
        tokio::time::sleep(A_LOOK).await;
        let mails = smtp.mails();
        assert_eq!((mails.len(), smtp.tries()), (1, 2));
        assert_eq!(mails[0].to, ["RCPT TO:<bob@example.com>"]);
        assert!(mails[0].data.contains(&link), "{}", mails[0].data);
        assert!(mails[0].data.contains("From: Nictate <nictate@example.com>\r\n"));
        let accept = nictate.request_as(None, Method::POST, &format!("{INVITE}/{code}"));
        Reply::of(accept.json(&json!({"name": "Bob"}))).await.ok();
        assert!(!logged().contains(&code));
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_given_up_at_once() {
    // A filter that quotes what it has read.
    with_smtp(&["550 no such user: hunter2-quoted"], async |nictate, smtp| {
        invite(nictate).await;
        let details = audited_once(nictate, "mail.given_up").await;
        assert_eq!(details, json!({"name": "bob@example.com", "tries": 1, "reason": "550"}));
        nictate.clock.put_forward(REST);
        tokio::time::sleep(A_LOOK).await;
        assert_eq!((smtp.tries(), smtp.mails().len()), (1, 0));
        assert!(!logged().contains("hunter2-quoted"));
        // Invited again, another mail goes out.
        let link = invite(nictate).await;
        audited_once(nictate, "mail.sent").await;
        assert!(smtp.mails()[0].data.contains(&link));
    })
    .await;
}

#[tokio::test]
async fn a_mail_is_tried_so_often_and_not_once_more() {
    with_smtp(&[LATER; 2 * TRIES], async |nictate, smtp| {
        invite(nictate).await;
        until("the first try", async || (smtp.tries() == 1).then_some(())).await;
        for tries in 2..=TRIES {
            tried_again(nictate, smtp, tries).await;
        }
        let details = audited_once(nictate, "mail.given_up").await;
        assert_eq!(details, json!({"name": "bob@example.com", "tries": TRIES, "reason": "451"}));
        nictate.clock.put_forward(REST);
        tokio::time::sleep(A_LOOK).await;
        assert_eq!(smtp.tries(), TRIES);
    })
    .await;
}

#[tokio::test]
async fn what_is_withdrawn_or_has_expired_is_not_mailed() {
    with_smtp(&[LATER, LATER], async |nictate, smtp| {
        let first = invite(nictate).await;
        until("the first try", async || (smtp.tries() == 1).then_some(())).await;
        nictate.post_nothing("/api/v1/uninvite/bob@example.com").await.ok();
        nictate.clock.put_forward(REST);
        tokio::time::sleep(A_LOOK).await;
        assert_eq!(smtp.tries(), 1);
        let second = invite(nictate).await;
        assert_ne!(first, second);
        until("the second try", async || (smtp.tries() == 2).then_some(())).await;
        nictate.clock.put_forward(Duration::from_secs(5 * 24 * 60 * 60));
        tokio::time::sleep(A_LOOK).await;
        assert_eq!((smtp.tries(), smtp.mails().len()), (2, 0));
        assert!(nictate.audited_in_tenant("mail.given_up").await.is_empty());
    })
    .await;
}
