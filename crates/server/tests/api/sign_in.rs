//! Signing in with a password: who is let in, what others learn, how often it can be tried; setting passwords.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use store::users::UserStatus;
use types::Role;

use crate::support::{
    Browser, KEY, NOBODY, Nictate, Person, Reply, SESSION, WORKSPACE, logged, on_both, on_both_with, text,
};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "k3#Vq9!zTwpL";
const OTHER: &str = "correct horse battery";

fn credentials(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

async fn with_ada(story: impl AsyncFn(&mut Nictate)) {
    let configure = |config: &mut server::config::Config| config.bootstrap.password = PASSWORD.to_owned();
    on_both_with(configure, story).await;
}

async fn try_as(nictate: &Nictate, email: &str, password: &str) -> Reply {
    Browser::default().sign_in(nictate, credentials(email, password)).await
}

fn details(entry: &store::audit::AuditEntry) -> Value {
    serde_json::from_str(&entry.details).unwrap()
}

#[tokio::test]
async fn the_configured_password_signs_the_first_admin_in() {
    with_ada(async |nictate| {
        let mut browser = Browser::default();
        let reply = browser.sign_in(nictate, credentials("ADA@Example.com", PASSWORD)).await;
        let body = reply.ok();
        assert_eq!(body["user"]["email"], ADA);
        assert_eq!(body["user"]["tenant_role"], "Admin");
        assert_eq!(body["user"]["has_password"], true);
        assert_eq!(body["session"]["is_current"], true);
        assert_eq!(body["session"]["peer"], "127.0.0.1");
        let cookie = reply.header("set-cookie");
        for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=604800"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Secure") && browser.token.len() == 43, "{cookie}");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(browser.get(nictate, SESSION).await.ok()["user"], body["user"]);
        browser.get(nictate, "/connections").await.ok();
        let [entry] = nictate.audited_in_tenant("session.created").await.try_into().unwrap();
        assert_eq!(details(&entry)["peer"], "127.0.0.1");
        // Neither is anywhere: not in the log, not in the database's entries.
        assert!(!entry.details.contains(&browser.token) && !logged().contains(&browser.token));
        assert!(!logged().contains(PASSWORD));
    })
    .await;
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_is_the_same_and_the_audit_log_knows() {
    with_ada(async |nictate| {
        let (tenant, red) = (nictate.tenant().await, WORKSPACE.parse().unwrap());
        let memberships = [(red, Role::Owner)];
        let off = Person { status: UserStatus::Inactive, ..Person::new("off", tenant, &memberships) };
        nictate.add_person(off).await;
        nictate.add_member("keyed", red, Role::Viewer).await;
        nictate.set_password("off@example.com", PASSWORD).await;
        let long = "x".repeat(100_000);
        let mut bodies = Vec::new();
        for (email, password) in [
            (ADA, OTHER),
            ("nobody@example.com", PASSWORD),
            ("off@example.com", PASSWORD),
            ("keyed@example.com", PASSWORD),
            (long.as_str(), PASSWORD),
            (ADA, long.as_str()),
            ("a\u{0}b", PASSWORD),
        ] {
            let reply = try_as(nictate, email, password).await;
            bodies.push(reply.error(401, "sign_in_refused"));
            assert_eq!(reply.header("set-cookie"), "");
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
        let entries = nictate.audited_in_tenant("session.refused").await;
        let mut reasons: Vec<String> = entries.iter().map(|entry| text(&details(entry), "reason")).collect();
        reasons.sort_unstable();
        let expected = [
            "no password",
            "switched off",
            "unknown user",
            "unknown user",
            "unknown user",
            "wrong password",
            "wrong password",
        ];
        assert_eq!(reasons, expected);
        for entry in &entries {
            assert_eq!(details(entry)["peer"], "127.0.0.1");
            assert!(entry.details.len() < 400 && !entry.details.contains(PASSWORD), "{}", entry.details);
            assert_eq!(entry.actor_type, store::audit::ActorType::System);
        }
        for body in [json!({}), json!({"email": ADA}), json!({"password": PASSWORD}), json!({"email": 1})] {
            Browser::default().sign_in(nictate, body).await.error(400, "body_invalid");
        }
        for body in ["", "[]", "{", "\u{0}", "{\"email\": {}}"] {
            for path in [SESSION, "/api/v1/password_reset/x"] {
                let request = nictate.request_as(None, Method::POST, path).header("X-Nictate-CSRF", "1");
                let reply = Reply::of(request.body(body)).await;
                assert!([400, 404].contains(&reply.status), "{path} {body}: {}", reply.text);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn another_tenant_must_be_named() {
    with_ada(async |nictate| {
        let other = nictate.add_tenant("other").await;
        let blue = nictate.add_workspace(other, "blue").await;
        nictate.add_person(Person::new("bea", other, &[(blue, Role::Owner)])).await;
        let hash = secrets::hash_password(&secrets::Secret::from(OTHER), &mut types::SystemRng);
        let password = store::passwords::Password {
            user_id: types::UserId::of_name("bea"),
            tenant_id: other,
            hash,
            changed_at: types::Timestamp::from_millis(1),
            must_change: false,
        };
        nictate.write_beside(async move |tx| store::passwords::set(tx, &password).await).await;
        try_as(nictate, "bea@example.com", OTHER).await.error(401, "sign_in_refused");
        for (tenant, status) in [(other.to_string(), 200), (NOBODY.to_owned(), 401), ("x".to_owned(), 401)] {
            let body = json!({"email": "bea@example.com", "password": OTHER, "tenant_id": tenant});
            assert_eq!(Browser::default().sign_in(nictate, body).await.status, status, "{tenant}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_account_is_tried_ever_more_slowly_and_its_owner_comes_in_then() {
    with_ada(async |nictate| {
        for _ in 0..6 {
            try_as(nictate, ADA, OTHER).await.error(401, "sign_in_refused");
        }
        // The right password does not help as long as it lasts; another account is another matter.
        let reply = try_as(nictate, "Ada@example.com", PASSWORD).await;
        reply.error(429, "sign_in_throttled");
        assert_eq!(reply.header("retry-after"), "1");
        try_as(nictate, "nobody@example.com", PASSWORD).await.error(401, "sign_in_refused");
        let refused = nictate.audited_in_tenant("session.refused").await.len();
        assert_eq!(refused, 7, "what is not tried is not written down");
        nictate.clock.put_forward(Duration::from_secs(2));
        try_as(nictate, ADA, OTHER).await.error(401, "sign_in_refused");
        let reply = try_as(nictate, ADA, PASSWORD).await;
        reply.error(429, "sign_in_throttled");
        assert_eq!(reply.header("retry-after"), "2");
        nictate.clock.put_forward(Duration::from_secs(3));
        try_as(nictate, ADA, PASSWORD).await.ok();
        // The account starts anew.
        for _ in 0..5 {
            try_as(nictate, ADA, OTHER).await.error(401, "sign_in_refused");
        }
        try_as(nictate, ADA, PASSWORD).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_network_is_slowed_down_although_it_signs_in_with_an_account_of_its_own() {
    with_ada(async |nictate| {
        let mut tried = 0;
        while tried < 20 {
            for _ in 0..4 {
                try_as(nictate, &format!("victim{tried}@example.com"), OTHER)
                    .await
                    .error(401, "sign_in_refused");
                tried += 1;
            }
            try_as(nictate, ADA, PASSWORD).await.ok();
        }
        try_as(nictate, "victim@example.com", OTHER).await.error(401, "sign_in_refused");
        try_as(nictate, ADA, PASSWORD).await.error(429, "sign_in_throttled");
        // A day later all is forgotten.
        nictate.clock.put_forward(Duration::from_secs(24 * 60 * 60));
        for _ in 0..3 {
            try_as(nictate, ADA, PASSWORD).await.ok();
        }
    })
    .await;
}

#[tokio::test]
async fn many_attempts_at_once_each_count() {
    with_ada(async |nictate| {
        let nictate: &Nictate = nictate;
        let replies = futures_util::future::join_all((0..16).map(|_| try_as(nictate, ADA, OTHER))).await;
        let tried = replies.iter().filter(|reply| reply.status == 401).count();
        let throttled = replies.iter().filter(|reply| reply.status == 429).count();
        assert_eq!((tried, throttled), (6, 10));
    })
    .await;
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_the_present_one() {
    with_ada(async |nictate| {
        let mut browser = Browser::signed_in(nictate, ADA, PASSWORD).await;
        let mut second = Browser::signed_in(nictate, ADA, PASSWORD).await;
        let change = async |browser: &mut Browser, current: &str, new: &str| {
            let body = json!({"current": current, "new": new});
            browser.send(nictate, Method::PUT, "/api/v1/user/password", body).await
        };
        change(&mut browser, OTHER, PASSWORD).await.error(403, "password_wrong");
        change(&mut browser, "", OTHER).await.error(403, "password_wrong");
        for (new, part) in [
            ("", "fewer than 12"),
            ("short", "fewer than 12"),
            (PASSWORD, "present one"),
            ("password1234", "too easy"),
            ("ada-example-com", "too easy"),
            (&"xY7".repeat(86), "more than 256"),
        ] {
            let body = change(&mut browser, PASSWORD, new).await.error(400, "password_refused");
            assert!(text(&body, "message").contains(part), "{new}: {body}");
        }
        let before = browser.token.clone();
        change(&mut browser, PASSWORD, OTHER).await.ok();
        assert_ne!(browser.token, before);
        browser.get(nictate, SESSION).await.ok();
        second.get(nictate, SESSION).await.error(401, "unauthenticated");
        Browser { token: before }.get(nictate, SESSION).await.error(401, "unauthenticated");
        try_as(nictate, ADA, PASSWORD).await.error(401, "sign_in_refused");
        try_as(nictate, ADA, OTHER).await.ok();
        let [entry] = nictate.audited_in_tenant("password.changed").await.try_into().unwrap();
        assert!(!entry.details.contains(OTHER) && !entry.details.contains(PASSWORD));
        // By key as well, whose user must know it no less. Guessing is slowed down.
        let by_key = async |current: &str| {
            let body = json!({"current": current, "new": "another horse battery"});
            nictate.put("/api/v1/user/password", body).await
        };
        for _ in 0..6 {
            by_key(PASSWORD).await.error(403, "password_wrong");
        }
        by_key(OTHER).await.error(429, "sign_in_throttled");
        nictate.clock.put_forward(Duration::from_secs(2));
        by_key(OTHER).await.ok();
        browser.get(nictate, SESSION).await.error(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn an_admin_makes_a_link_with_which_a_password_is_set_once() {
    on_both(async |nictate| {
        let (tenant, red) = (nictate.tenant().await, WORKSPACE.parse().unwrap());
        nictate.add_member("bob", red, Role::Viewer).await;
        let memberships = [(red, Role::Owner)];
        let off = Person { status: UserStatus::Inactive, ..Person::new("off", tenant, &memberships) };
        nictate.add_person(off).await;
        let other = nictate.add_tenant("other").await;
        nictate.add_person(Person::new("eve", other, &[])).await;
        let path = |name: &str| format!("/api/v1/user/{}/password_reset", types::UserId::of_name(name));
        for name in ["off", "eve", "nobody"] {
            nictate.post(&path(name), json!({})).await.error(404, "user_not_found");
        }
        nictate.post("/api/v1/user/x/password_reset", json!({})).await.error(404, "user_not_found");
        let request = nictate.request_as(Some("bob"), Method::POST, &path("bob"));
        Reply::of(request.json(&json!({}))).await.error(403, "forbidden");

        let set = async |code: &str, password: &str| {
            let path = format!("/api/v1/password_reset/{code}");
            Reply::of(nictate.request_as(None, Method::POST, &path).json(&json!({"password": password})))
                .await
        };
        let first = text(&nictate.post(&path("bob"), json!({})).await.ok(), "code");
        let made = nictate.post(&path("bob"), json!({})).await.ok();
        let code = text(&made, "code");
        assert_eq!(text(&made, "url"), format!("{}/password_reset#{code}", nictate.url));
        for (path, part) in [("/password_reset", "<form"), ("/password_reset/set-password.js", "fetch(")] {
            let page = Reply::of(nictate.request_as(None, Method::GET, path)).await;
            assert!(page.status == 200 && page.text.contains(part), "{path}");
            assert!(page.header("content-security-policy").contains("default-src 'none'"), "{path}");
        }
        for bad in [first.as_str(), "x", &"x".repeat(1_000), "%FF"] {
            set(bad, PASSWORD).await.error(404, "password_reset_not_found");
        }
        set(&code, "too short").await.error(400, "password_refused");
        set(&code, PASSWORD).await.ok();
        set(&code, OTHER).await.error(404, "password_reset_not_found");
        let mut bob = Browser::signed_in(nictate, "bob@example.com", PASSWORD).await;
        // A second link ends what he has signed in with, and is good for an hour.
        let code = text(&nictate.post(&path("bob"), json!({})).await.ok(), "code");
        nictate.clock.put_forward(Duration::from_secs(60 * 60));
        set(&code, OTHER).await.error(404, "password_reset_not_found");
        let code = text(&nictate.post(&path("bob"), json!({})).await.ok(), "code");
        nictate.clock.put_forward(Duration::from_secs(60 * 60 - 60));
        bob.get(nictate, SESSION).await.ok();
        set(&code, OTHER).await.ok();
        bob.get(nictate, SESSION).await.error(401, "unauthenticated");
        try_as(nictate, "bob@example.com", OTHER).await.ok();
        // Used by two at once, it is good once.
        let code = text(&nictate.post(&path("bob"), json!({})).await.ok(), "code");
        let (one, two) = tokio::join!(set(&code, PASSWORD), set(&code, "another horse battery"));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 404]);
        // Whoever is switched off cannot use the link that they have.
        let code = text(&nictate.post(&path("bob"), json!({})).await.ok(), "code");
        let (bob, now) = (types::UserId::of_name("bob"), types::Timestamp::from_millis(1));
        let switched_off = async move |tx: &store::Tx<'_>| {
            store::users::set_status(tx, tenant, bob, UserStatus::Inactive, now).await
        };
        nictate.write_beside(switched_off).await;
        set(&code, OTHER).await.error(404, "password_reset_not_found");
        assert_eq!(nictate.audited_in_tenant("password_reset.created").await.len(), 6);
        assert_eq!(nictate.audited_in_tenant("password_reset.used").await.len(), 3);
        assert!(!logged().contains(&code));
    })
    .await;
}

#[tokio::test]
async fn who_was_given_a_password_chooses_another_one_before_anything_else() {
    with_ada(async |nictate| {
        let tenant = nictate.tenant().await;
        let ada = store::users::get_by_email(&nictate.db, tenant, ADA).await.unwrap().unwrap().id;
        let present = store::passwords::get(&nictate.db, tenant, ada).await.unwrap().unwrap();
        let given = store::passwords::Password { must_change: true, ..present };
        nictate.write_beside(async move |tx| store::passwords::set(tx, &given).await).await;
        let mut browser = Browser::signed_in(nictate, ADA, PASSWORD).await;
        assert_eq!(browser.get(nictate, SESSION).await.ok()["user"]["password_must_change"], true);
        for path in ["/connections", "/api/v1/sessions", "/api/v1/apikey"] {
            browser.get(nictate, path).await.error(403, "password_must_change");
        }
        browser
            .send(nictate, Method::POST, "/api/v1/apikey", json!({}))
            .await
            .error(403, "password_must_change");
        let body = json!({"current": PASSWORD, "new": OTHER});
        browser.send(nictate, Method::PUT, "/api/v1/user/password", body).await.ok();
        browser.get(nictate, "/connections").await.ok();
        assert_eq!(
            Reply::of(nictate.request_as(Some(KEY), Method::GET, SESSION)).await.ok()["session"],
            Value::Null
        );
    })
    .await;
}
