//! Authenticators and recovery codes: setting one up, signing in with it, losing it.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use types::{Clock as _, Role, UserId};

use crate::support::{Browser, Nictate, Reply, SESSION, WORKSPACE, logged, on_both, text};

const TOTP: &str = "/api/v1/user/totp";
const CONFIRM: &str = "/api/v1/user/totp/confirm";
const BOB: &str = "bob@example.com";
const PASSWORD: &str = "k3#Vq9!zTwpL";
const STEP: Duration = Duration::from_secs(30);

/// An authenticator app, written from the RFC and not with the server's code.
struct Authenticator(Vec<u8>);

impl Authenticator {
    fn of(secret: &str) -> Self {
        let digit = |c: char| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap();
        let bits: Vec<usize> =
            secret.chars().flat_map(|c| (0..5).rev().map(move |bit| digit(c) >> bit & 1)).collect();
        let byte = |bits: &[usize]| u8::try_from(bits.iter().fold(0, |byte, bit| byte << 1 | bit)).unwrap();
        Self(bits.chunks_exact(8).map(byte).collect())
    }

    fn code(&self, nictate: &Nictate) -> String {
        let step = nictate.clock.now().as_millis() / 30_000;
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&self.0).unwrap();
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[19] & 15);
        let number = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

async fn add_bob(nictate: &Nictate) -> Browser {
    nictate.add_member("bob", WORKSPACE.parse().unwrap(), Role::Contributor).await;
    nictate.set_password(BOB, PASSWORD).await;
    Browser::signed_in(nictate, BOB, PASSWORD).await
}

/// Sets an authenticator up; with the recovery codes.
async fn enable(nictate: &Nictate, browser: &mut Browser) -> (Authenticator, Vec<String>) {
    let started = browser.send(nictate, Method::POST, TOTP, json!({})).await.ok();
    let authenticator = Authenticator::of(&text(&started, "secret"));
    let code = authenticator.code(nictate);
    let confirmed = browser.send(nictate, Method::POST, CONFIRM, json!({"code": code})).await.ok();
    let codes = confirmed["recovery_codes"].as_array().unwrap();
    (authenticator, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

async fn sign_in(nictate: &Nictate, totp: &str) -> Reply {
    let body = json!({"email": BOB, "password": PASSWORD, "totp": totp});
    Browser::default().sign_in(nictate, body).await
}

#[tokio::test]
async fn once_it_is_confirmed_codes_are_asked_for_and_each_is_good_once() {
    on_both(async |nictate| {
        let mut browser = add_bob(nictate).await;
        let mut other = Browser::signed_in(nictate, BOB, PASSWORD).await;
        browser.send(nictate, Method::POST, CONFIRM, json!({"code": "1"})).await.error(404, "totp_not_found");
        let started = browser.send(nictate, Method::POST, TOTP, json!({})).await.ok();
        let url = text(&started, "otpauth_url");
        let secret = text(&started, "secret");
        let expected = format!(
            "otpauth://totp/Nictate:bob%40example.com?secret={secret}&issuer=Nictate&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(url, expected);
        // Not confirmed, it is asked of nobody; started again, it is another one.
        sign_in(nictate, "").await.ok();
        let again = text(&browser.send(nictate, Method::POST, TOTP, json!({})).await.ok(), "secret");
        assert_ne!(again, secret);
        let authenticator = Authenticator::of(&again);
        for code in [Authenticator::of(&secret).code(nictate), String::new(), "12345".to_owned()] {
            browser.send(nictate, Method::POST, CONFIRM, json!({"code": code})).await.error(400, "totp_wrong");
        }
        let (code, before) = (authenticator.code(nictate), browser.token.clone());
        browser.send(nictate, Method::POST, CONFIRM, json!({"code": code})).await.ok();
        // The session may more than before: it has another token, and those without a code end.
        assert_ne!(browser.token, before);
        let body = browser.get(nictate, SESSION).await.ok();
        assert_eq!((&body["user"]["has_totp"], &body["session"]["mfa_passed"]), (&json!(true), &json!(true)));
        assert_eq!(body["user"]["recovery_codes_left"], 10);
        other.get(nictate, SESSION).await.error(401, "unauthenticated");
        browser.send(nictate, Method::POST, TOTP, json!({})).await.error(400, "totp_enabled");
        browser.send(nictate, Method::POST, CONFIRM, json!({"code": code})).await.error(404, "totp_not_found");

        sign_in(nictate, "").await.error(401, "totp_required");
        // The one it was confirmed with is used.
        sign_in(nictate, &code).await.error(401, "sign_in_refused");
        nictate.clock.put_forward(STEP);
        let code = authenticator.code(nictate);
        let (one, two) = tokio::join!(sign_in(nictate, &code), sign_in(nictate, &code));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
        nictate.clock.put_forward(STEP);
        assert_eq!(sign_in(nictate, &authenticator.code(nictate)).await.ok()["session"]["mfa_passed"], true);
        let wrong = json!({"email": BOB, "password": "wrong horse battery", "totp": ""});
        // Whether there is an authenticator is told to who knows the password alone.
        Browser::default().sign_in(nictate, wrong).await.error(401, "sign_in_refused");
        assert!(!logged().contains(&again));
        // At rest it is sealed.
        let (tenant, bob) = (nictate.tenant().await, UserId::of_name("bob"));
        let row = store::second_factors::get(&nictate.db, tenant, bob).await.unwrap().unwrap();
        assert!(row.secret.starts_with("u1.") && !row.secret.contains(&again));
    })
    .await;
}

#[tokio::test]
async fn a_missing_code_is_no_failure_and_a_wrong_one_is() {
    on_both(async |nictate| {
        let mut browser = add_bob(nictate).await;
        let (authenticator, _) = enable(nictate, &mut browser).await;
        for _ in 0..8 {
            sign_in(nictate, "").await.error(401, "totp_required");
        }
        for _ in 0..6 {
            sign_in(nictate, "000").await.error(401, "sign_in_refused");
        }
        nictate.clock.put_forward(Duration::from_millis(1));
        sign_in(nictate, "000").await.error(429, "sign_in_throttled");
        nictate.clock.put_forward(STEP);
        sign_in(nictate, &authenticator.code(nictate)).await.ok();
        let entries = nictate.audited_in_tenant("session.refused").await;
        let count = |reason: &str| entries.iter().filter(|entry| entry.details.contains(reason)).count();
        assert_eq!((count("code missing"), count("wrong code")), (8, 6));
    })
    .await;
}

#[tokio::test]
async fn a_recovery_code_is_good_once_in_the_place_of_a_code() {
    on_both(async |nictate| {
        let mut browser = add_bob(nictate).await;
        let (_, codes) = enable(nictate, &mut browser).await;
        assert_eq!(codes.len(), 10);
        sign_in(nictate, &codes[0]).await.ok();
        sign_in(nictate, &codes[0]).await.error(401, "sign_in_refused");
        let typed = codes[1].to_lowercase().replace('-', " ");
        let (one, two) = tokio::join!(sign_in(nictate, &typed), sign_in(nictate, &codes[1]));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
        let body = browser.get(nictate, SESSION).await.ok();
        assert_eq!(body["user"]["recovery_codes_left"], 8);
        let entries = nictate.audited_in_tenant("session.created").await;
        let used = entries.iter().filter(|entry| entry.details.contains("recovery code")).count();
        assert_eq!(used, 2);
        assert!(!entries.iter().any(|entry| codes.iter().any(|code| entry.details.contains(code))));
    })
    .await;
}

#[tokio::test]
async fn who_knows_the_password_removes_it_and_an_admin_does_for_who_has_lost_both() {
    on_both(async |nictate| {
        let mut browser = add_bob(nictate).await;
        let remove = async |browser: &mut Browser, password: &str| {
            browser.send(nictate, Method::DELETE, TOTP, json!({"password": password})).await
        };
        remove(&mut browser, PASSWORD).await.error(404, "totp_not_found");
        enable(nictate, &mut browser).await;
        remove(&mut browser, "").await.error(403, "password_wrong");
        remove(&mut browser, "wrong horse battery").await.error(403, "password_wrong");
        let before = browser.token.clone();
        remove(&mut browser, PASSWORD).await.ok();
        assert_ne!(browser.token, before);
        assert_eq!(browser.get(nictate, SESSION).await.ok()["session"]["mfa_passed"], false);
        sign_in(nictate, "").await.ok();
        nictate.clock.put_forward(STEP);
        let (_, codes) = enable(nictate, &mut browser).await;
        let path = format!("/api/v1/user/{}/password_reset", UserId::of_name("bob"));
        nictate.post(&path, json!({})).await.ok();
        sign_in(nictate, "").await.error(401, "totp_required");
        nictate.post(&path, json!({"remove_totp": true})).await.ok();
        sign_in(nictate, &codes[0]).await.ok();
        let body = browser.get(nictate, SESSION).await.ok();
        assert_eq!(
            (&body["user"]["has_totp"], &body["user"]["recovery_codes_left"]),
            (&json!(false), &json!(0))
        );
        for (action, times) in [("totp.started", 2), ("totp.enabled", 2), ("totp.removed", 1)] {
            assert_eq!(nictate.audited_in_tenant(action).await.len(), times, "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_api_key_sets_no_authenticator_up() {
    on_both(async |nictate| {
        nictate.post(TOTP, json!({})).await.error(403, "session_required");
        let body: Value = json!({"code": "123456"});
        nictate.post(CONFIRM, body).await.error(403, "session_required");
    })
    .await;
}
