//! Sessions of browsers: how long they last, what ends them, and what a page of somebody else can do with their cookie.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use store::users::UserStatus;
use types::{Role, UserId};

use crate::support::{Browser, KEY, Nictate, Reply, SESSION, WORKSPACE, on_both, on_both_with, text, until};

const SESSIONS: &str = "/api/v1/sessions";
const BOB: &str = "bob@example.com";
const PASSWORD: &str = "k3#Vq9!zTwpL";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

async fn add_bob(nictate: &Nictate) {
    nictate.add_member("bob", WORKSPACE.parse().unwrap(), Role::Contributor).await;
    nictate.set_password(BOB, PASSWORD).await;
}

async fn bob(nictate: &Nictate) -> Browser {
    Browser::signed_in(nictate, BOB, PASSWORD).await
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    on_both(async |nictate| {
        add_bob(nictate).await;
        let mut idle = bob(nictate).await;
        nictate.clock.put_forward(12 * HOUR - MINUTE);
        idle.get(nictate, SESSION).await.ok();
        // The use is written down beside the request.
        let seen = async || {
            let rows =
                store::sessions::list(&nictate.db, nictate.tenant().await, UserId::of_name("bob")).await;
            rows.unwrap().iter().any(|row| row.last_seen_at > row.created_at).then_some(())
        };
        until("the use is written down", seen).await;
        nictate.clock.put_forward(12 * HOUR - MINUTE);
        idle.get(nictate, SESSION).await.ok();
        until("the use is written down", seen).await;
        nictate.clock.put_forward(13 * HOUR);
        idle.get(nictate, SESSION).await.error(401, "unauthenticated");
        let mut used = bob(nictate).await;
        for _ in 0..15 {
            nictate.clock.put_forward(11 * HOUR);
            used.get(nictate, SESSION).await.ok();
            let now = types::Clock::now(&*nictate.clock);
            let seen = async || {
                let rows =
                    store::sessions::list(&nictate.db, nictate.tenant().await, UserId::of_name("bob")).await;
                rows.unwrap().iter().any(|row| now.since(row.last_seen_at) < MINUTE).then_some(())
            };
            until("the use is written down", seen).await;
        }
        nictate.clock.put_forward(3 * HOUR);
        used.get(nictate, SESSION).await.error(401, "unauthenticated");
        // What has ended is removed when somebody signs in.
        let new = bob(nictate).await;
        let rows = store::sessions::list(&nictate.db, nictate.tenant().await, UserId::of_name("bob")).await;
        assert_eq!(rows.unwrap().len(), 1, "{}", new.token.len());
    })
    .await;
}

#[tokio::test]
async fn the_configuration_says_how_long_sessions_last() {
    let configure = |config: &mut server::config::Config| {
        config.sessions.idle_timeout_ms = 10 * 60 * 1000;
        config.sessions.age_ms_max = 15 * 60 * 1000;
    };
    on_both_with(configure, async |nictate| {
        add_bob(nictate).await;
        let mut browser = bob(nictate).await;
        nictate.clock.put_forward(11 * MINUTE);
        browser.get(nictate, SESSION).await.error(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn signing_out_ends_one_session_and_others_can_be_ended_from_anywhere() {
    on_both(async |nictate| {
        add_bob(nictate).await;
        let (mut one, mut two, mut three) = (bob(nictate).await, bob(nictate).await, bob(nictate).await);
        let list = one.get(nictate, SESSIONS).await.ok();
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), 3);
        let current: Vec<bool> = list.iter().map(|row| row["is_current"] == true).collect();
        assert_eq!(current.iter().filter(|current| **current).count(), 1);
        assert!(!list.iter().any(|row| row.to_string().contains(&one.token)));
        let id_of_two = text(&two.get(nictate, SESSION).await.ok()["session"], "id");
        // Somebody else's session is not there.
        let theirs = format!("{SESSIONS}/{id_of_two}");
        nictate.delete(&theirs).await.error(404, "session_not_found");
        nictate.delete(&format!("{SESSIONS}/x")).await.error(404, "session_not_found");
        one.send(nictate, Method::DELETE, &theirs, json!({})).await.ok();
        two.get(nictate, SESSION).await.error(401, "unauthenticated");
        one.send(nictate, Method::DELETE, &theirs, json!({})).await.error(404, "session_not_found");
        let kept = one.clone();
        let reply = one.send(nictate, Method::DELETE, SESSION, json!({})).await;
        reply.ok();
        assert!(reply.header("set-cookie").contains("nictate_session=; ") && one.token.is_empty());
        kept.clone().get(nictate, SESSION).await.error(401, "unauthenticated");
        three.get(nictate, SESSION).await.ok();
        nictate.delete(SESSION).await.error(404, "session_not_found");
        assert_eq!(nictate.audited_in_tenant("session.ended").await.len(), 2);
        // Signing in again in the same browser gives another token and ends what it had.
        let before = three.clone();
        three.sign_in(nictate, json!({"email": BOB, "password": PASSWORD})).await.ok();
        assert_ne!(three.token, before.token);
        before.clone().get(nictate, SESSION).await.error(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn a_page_of_somebody_else_changes_nothing() {
    on_both(async |nictate| {
        add_bob(nictate).await;
        let mut browser = bob(nictate).await;
        let send = async |headers: &[(&str, &str)]| {
            let mut request = browser.request(nictate, Method::POST, "/api/v1/apikey").json(&json!({}));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            Reply::of(request).await
        };
        for headers in [
            &[][..],
            &[("X-Nictate-CSRF", "")],
            &[("X-Nictate-CSRF", "1"), ("Sec-Fetch-Site", "cross-site")],
            &[("X-Nictate-CSRF", "1"), ("Sec-Fetch-Site", "same-site")],
            &[("Sec-Fetch-Site", "same-origin")],
        ] {
            send(headers).await.error(403, "csrf_refused");
        }
        send(&[("X-Nictate-CSRF", "1"), ("Sec-Fetch-Site", "same-origin")]).await.ok();
        // Nor does it sign a browser in as somebody of its choice.
        let body = json!({"email": BOB, "password": PASSWORD});
        let request = nictate.request_as(None, Method::POST, SESSION).json(&body);
        Reply::of(request).await.error(403, "csrf_refused");
        // Reading needs no header; a key wins over the cookie, also one that is not good.
        let reply = browser.get(nictate, SESSION).await;
        assert_eq!(reply.ok()["user"]["email"], BOB);
        let with_key =
            |key: &str| browser.request(nictate, Method::GET, SESSION).header("BLINK-API-KEY", key);
        assert_eq!(Reply::of(with_key(KEY)).await.ok()["user"]["email"], "ada@example.com");
        Reply::of(with_key("wrong")).await.error(401, "unauthenticated");
        // The token of a session is no key, and a key no token.
        Reply::of(nictate.request_as(Some(&browser.token), Method::GET, SESSION))
            .await
            .error(401, "unauthenticated");
        for token in [KEY, "", "x", &"x".repeat(5_000)] {
            let mut other = Browser { token: token.to_owned() };
            other.get(nictate, "/connections").await.error(401, "unauthenticated");
        }
        // No answer allows a page of another origin anything.
        let preflight =
            nictate.request_as(None, Method::OPTIONS, SESSION).header("Origin", "https://evil.example");
        let reply = Reply::of(preflight.header("Access-Control-Request-Headers", "x-nictate-csrf")).await;
        assert_eq!(reply.header("access-control-allow-origin"), "");
    })
    .await;
}

#[tokio::test]
async fn a_session_may_what_its_user_may_and_ends_with_them() {
    on_both(async |nictate| {
        add_bob(nictate).await;
        let mut browser = bob(nictate).await;
        browser.send(nictate, Method::POST, "/api/v1/apikey", json!({"name": "x"})).await.ok();
        let reset = format!("/api/v1/user/{}/password_reset", UserId::of_name("bob"));
        browser.send(nictate, Method::POST, &reset, json!({})).await.error(403, "forbidden");
        let (tenant, id, now) =
            (nictate.tenant().await, UserId::of_name("bob"), types::Timestamp::from_millis(1));
        let set = async |status: UserStatus| {
            let set =
                async move |tx: &store::Tx<'_>| store::users::set_status(tx, tenant, id, status, now).await;
            nictate.write_beside(set).await;
            tokio::time::sleep(server::CALLER_CACHE_TTL).await;
        };
        set(UserStatus::Inactive).await;
        browser.get(nictate, SESSION).await.error(401, "unauthenticated");
        // Switched on again, they sign in again.
        set(UserStatus::Active).await;
        browser.get(nictate, SESSION).await.error(401, "unauthenticated");
        bob(nictate).await.get(nictate, SESSION).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_user_has_so_many_sessions_and_no_more() {
    on_both(async |nictate| {
        add_bob(nictate).await;
        let mut first = bob(nictate).await;
        let tenant = nictate.tenant().await;
        let row = store::sessions::list(&nictate.db, tenant, UserId::of_name("bob")).await.unwrap().remove(0);
        let rows: Vec<_> = (0..49)
            .map(|n| store::sessions::Session {
                id: types::SessionId::of_name(&n.to_string()),
                last_seen_at: row.last_seen_at.saturating_add(MINUTE),
                ..row.clone()
            })
            .collect();
        let stored = async move |tx: &store::Tx<'_>| {
            for row in &rows {
                store::sessions::insert(tx, row, &row.id.to_string()).await?;
            }
            Ok(())
        };
        nictate.write_beside(stored).await;
        first.get(nictate, SESSION).await.ok();
        let mut new = bob(nictate).await;
        new.get(nictate, SESSION).await.ok();
        // The one that was not used for longest has gone.
        first.get(nictate, SESSION).await.error(401, "unauthenticated");
        let count = new.get(nictate, SESSIONS).await.ok().as_array().map(Vec::len);
        assert_eq!(count, Some(50));
    })
    .await;
}

#[tokio::test]
async fn the_cookie_is_for_https_alone_where_a_trusted_proxy_says_so() {
    let trusting = |config: &mut server::config::Config| {
        config.server.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    };
    let sign_in = async |nictate: &Nictate| {
        let request = nictate.request_as(None, Method::POST, SESSION).header("X-Nictate-CSRF", "1");
        let request = request.header("X-Forwarded-Proto", "https").header("X-Forwarded-For", "203.0.113.9");
        Reply::of(request.json(&json!({"email": BOB, "password": PASSWORD}))).await
    };
    on_both_with(trusting, async |nictate| {
        add_bob(nictate).await;
        let reply = sign_in(nictate).await;
        assert_eq!(reply.ok()["session"]["peer"], "203.0.113.9");
        assert!(reply.header("set-cookie").ends_with("; Secure"), "{}", reply.header("set-cookie"));
    })
    .await;
    on_both(async |nictate| {
        add_bob(nictate).await;
        let reply = sign_in(nictate).await;
        assert_eq!(reply.ok()["session"]["peer"], "127.0.0.1");
        assert!(!reply.header("set-cookie").contains("Secure"));
    })
    .await;
    let public =
        |config: &mut server::config::Config| config.server.public_url = "https://n.example".to_owned();
    on_both_with(public, async |nictate| {
        add_bob(nictate).await;
        let reply = sign_in(nictate).await;
        assert!(reply.header("set-cookie").ends_with("; Secure"));
        let _: Value = reply.ok();
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_when_its_session_does() {
    on_both(async |nictate| {
        add_bob(nictate).await;
        let mut browser = bob(nictate).await;
        let document = crate::executions::workflow(
            "- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}",
            "{{ 1 }}",
        );
        let workflow = nictate.publish("sleeps", &document).await;
        let run = nictate.execute(&workflow, json!({})).await;
        let stream = browser.request(nictate, Method::GET, &format!("/executions/{run}/events"));
        let stream = stream.send().await.unwrap();
        assert_eq!(stream.status(), 200);
        browser.send(nictate, Method::DELETE, SESSION, json!({})).await.ok();
        // It ends, and long before the run does.
        tokio::time::timeout(Duration::from_secs(15), stream.text()).await.expect("an end").unwrap();
    })
    .await;
}
