//! Single sign-on as a browser meets it: the way out and back, what an ID token must be, what others cannot do.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use server::config::Config;
use sso::PROVIDER_TIME_MAX;
use types::{Clock as _, Role};

use crate::support::{
    Browser, CALLBACK, CLIENT_SECRET, Forgery, Nictate, Provider, Reply, SESSION, START, Visit, WORKSPACE,
    logged, on_both, on_both_with, text,
};

pub(crate) const METHODS: &str = "/api/v1/sign_in/methods";

/// Tells a story to a server with a provider, of which `bob@example.com` is a member.
pub(crate) async fn with_provider(
    configure: impl Fn(&mut Config),
    story: impl AsyncFn(&mut Nictate, &Provider),
) {
    let provider = Provider::start().await;
    let configure = |config: &mut Config| {
        provider.configure(config);
        configure(config);
    };
    on_both_with(configure, async |nictate| {
        nictate.add_member("bob", WORKSPACE.parse().unwrap(), Role::Viewer).await;
        story(nictate, &provider).await;
    })
    .await;
}

/// Somebody with a verified address.
pub(crate) fn person(name: &str) -> Value {
    json!({
        "sub": format!("subject of {name}"), "email": format!("{name}@example.com"), "email_verified": true,
        "name": name,
    })
}

/// The same with other claims.
pub(crate) fn and(mut claims: Value, others: Value) -> Value {
    for (name, value) in others.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// Why the last ones were refused, the newest last.
pub(crate) async fn reasons(nictate: &Nictate) -> Vec<String> {
    let entries = nictate.audited_in_tenant("session.refused").await;
    entries.iter().map(|entry| text(&details(entry), "reason")).collect()
}

pub(crate) fn details(entry: &store::audit::AuditEntry) -> Value {
    serde_json::from_str(&entry.details).unwrap()
}

#[tokio::test]
async fn who_signs_in_at_the_provider_is_signed_in_here() {
    with_provider(
        |_| {},
        async |nictate, provider| {
            let mut visit = Visit::default();
            let begun = visit.begin(nictate, "?return_to=/a/b%3Fc=d").await;
            assert_eq!((begun.status, begun.header("cache-control")), (303, "no-store"));
            let cookie = begun.header("set-cookie");
            for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/api/v1/sign_in/sso", "; Max-Age=600"] {
                assert!(cookie.contains(part), "{cookie}");
            }
            for (name, value) in [
                ("response_type", "code"),
                ("client_id", "nictate"),
                ("scope", "openid email profile"),
                ("code_challenge_method", "S256"),
                ("redirect_uri", &nictate.address(CALLBACK)),
            ] {
                assert_eq!(visit.asked(name), value, "{name}");
            }
            // Neither the cookie nor the address gives the other's secrets away.
            for name in ["state", "nonce", "code_challenge"] {
                assert!(
                    visit.asked(name).len() >= 43 && !visit.attempt.contains(&visit.asked(name)),
                    "{name}"
                );
            }
            visit.session = "chosen-by-somebody-else".to_owned();
            let back = visit.return_as(nictate, provider, &person("bob")).await;
            assert_eq!((back.status, back.header("location")), (303, "/a/b?c=d"), "{}", back.text);
            assert_eq!(
                (back.header("cache-control"), back.header("referrer-policy")),
                ("no-store", "no-referrer")
            );
            assert_eq!((visit.attempt.as_str(), visit.session.len()), ("", 43));
            let browser = Browser { token: visit.session.clone() };
            let me = browser.clone().get(nictate, SESSION).await.ok();
            assert_eq!(
                (&me["user"]["email"], &me["session"]["mfa_passed"]),
                (&json!("bob@example.com"), &json!(false))
            );
            assert_eq!(me["session"]["issuer"], json!(provider.issuer));
            browser.clone().get(nictate, "/connections").await.ok();
            let [entry] = nictate.audited_in_tenant("session.created").await.try_into().unwrap();
            let told = details(&entry);
            assert_eq!(
                (&told["issuer"], &told["second_factor"]),
                (&json!(provider.issuer), &json!("provider"))
            );
            assert_eq!((&told["name"], &told["peer"]), (&json!("bob@example.com"), &json!("127.0.0.1")));
            assert_eq!(nictate.audited_in_tenant("user.identity_added").await.len(), 1);

            // Who signs in again in the same browser gets another session, and the old one ends.
            visit.begin(nictate, "").await;
            let renamed =
                and(person("bob"), json!({"email": "robert@elsewhere.example", "amr": ["pwd", "mfa"]}));
            let back = visit.return_as(nictate, provider, &renamed).await;
            assert_eq!((back.status, back.header("location")), (303, "/"));
            browser.clone().get(nictate, SESSION).await.error(401, "unauthenticated");
            let me = Browser { token: visit.session.clone() }.get(nictate, SESSION).await.ok();
            assert_eq!(
                (&me["user"]["email"], &me["session"]["mfa_passed"]),
                (&json!("bob@example.com"), &json!(true))
            );
            assert_eq!(provider.asked("discovery"), if nictate.is_sqlite() { 1 } else { 2 });
            for secret in [visit.session.as_str(), "code-1", CLIENT_SECRET, &visit.asked("state")] {
                assert!(!logged().contains(secret), "{secret}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_token_that_does_not_hold_lets_nobody_in() {
    with_provider(
        |_| {},
        async |nictate, provider| {
            let seconds = nictate.clock.now().as_millis() / 1000;
            for (claims, reason) in [
                (json!({"nonce": "another"}), "nonce mismatch"),
                (json!({"nonce": null}), "missing nonce"),
                (json!({"aud": "another"}), "must contain `nictate`"),
                (json!({"aud": ["nictate", "another"]}), "`another` is not a trusted audience"),
                (json!({"azp": "another"}), "`azp`"),
                (json!({"iss": "https://another.example"}), "Invalid issuer"),
                (json!({"exp": seconds - 61}), "expired"),
                (json!({"iat": seconds + 90}), "in the future"),
                (json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), "`at_hash`"),
                (json!({"exp": null}), "cannot be used"),
            ] {
                let (visit, reply) =
                    Visit::sign_in(nictate, provider, &and(person("bob"), claims.clone())).await;
                let expected =
                    if reason == "cannot be used" { (503, "sso_unavailable") } else { (401, "sso_refused") };
                reply.error(expected.0, expected.1);
                assert_eq!(visit.session, "", "{claims}");
                let told = reasons(nictate).await.pop().unwrap();
                assert!(told.contains(reason), "{claims}: {told}");
            }
            // Clocks differ a little.
            let late = json!({"exp": seconds - 30, "iat": seconds + 30, "azp": "nictate"});
            let (_, reply) = Visit::sign_in(nictate, provider, &and(person("bob"), late)).await;
            assert_eq!(reply.status, 303, "{}", reply.text);
        },
    )
    .await;
}

#[tokio::test]
async fn a_signature_that_is_not_the_providers_lets_nobody_in() {
    with_provider(
        |_| {},
        async |nictate, provider| {
            for (forgery, expected) in [
                (Forgery::Missing, (401, "sso_refused")),
                (Forgery::Unsigned, (401, "sso_refused")),
                (Forgery::UnsignedInCapitals, (503, "sso_unavailable")),
                (Forgery::ClientSecret, (401, "sso_refused")),
                (Forgery::PublicKeyAsSecret, (401, "sso_refused")),
                (Forgery::OtherKey, (401, "sso_refused")),
                (Forgery::Changed, (401, "sso_refused")),
                (Forgery::Nonsense, (503, "sso_unavailable")),
            ] {
                provider.forge(forgery);
                let (visit, reply) = Visit::sign_in(nictate, provider, &person("bob")).await;
                reply.error(expected.0, expected.1);
                assert_eq!(visit.session, "", "{forgery:?}");
            }
            assert_eq!(reasons(nictate).await.len(), 8);
            assert_eq!(nictate.audited_in_tenant("user.identity_added").await.len(), 0);
            provider.forge(Forgery::None);
            let (_, reply) = Visit::sign_in(nictate, provider, &person("bob")).await;
            assert_eq!(reply.status, 303);
        },
    )
    .await;
}

#[tokio::test]
async fn keys_may_change_at_any_time() {
    with_provider(
        |_| {},
        async |nictate, provider| {
            let before = provider.asked("keys");
            for rotations in 0..3 {
                let (_, reply) = Visit::sign_in(nictate, provider, &person("bob")).await;
                assert_eq!(reply.status, 303, "{}", reply.text);
                let (_, reply) = Visit::sign_in(nictate, provider, &person("bob")).await;
                assert_eq!(reply.status, 303, "{}", reply.text);
                // Asked for once, and once more for each key that was not known.
                assert_eq!(provider.asked("keys") - before, rotations + 1);
                provider.rotate();
            }
            // Even if no token has asked for it.
            nictate.clock.put_forward(Duration::from_secs(60 * 60));
            Visit::begun(nictate).await;
            assert_eq!(provider.asked("keys") - before, 4);
        },
    )
    .await;
}

#[tokio::test]
async fn an_answer_is_good_in_the_browser_that_has_begun_and_not_for_long() {
    with_provider(
        |_| {},
        async |nictate, provider| {
            let refused = |reply: Reply| reply.error(400, "sso_state_invalid");
            let before = provider.asked("token");
            let begun = Visit::begun(nictate).await;
            let code = provider.grant(begun.location.as_ref().unwrap(), nictate.clock.now(), &person("bob"));
            let state = begun.asked("state");
            let pairs = [("code", code.as_str()), ("state", state.as_str())];
            // Another browser: without a cookie, with one of its own, with one that it has made up.
            refused(Visit::default().come_back(nictate, &pairs).await);
            refused(Visit::begun(nictate).await.come_back(nictate, &pairs).await);
            let parts: Vec<&str> = begun.attempt.split('.').collect();
            let later = parts[1].parse::<i64>().unwrap() + 1;
            for attempt in [
                format!("x{}", begun.attempt),
                format!("{}.{later}.{}.{}", parts[0], parts[2], parts[3]),
                "a.b.c.d".to_owned(),
                "...".to_owned(),
            ] {
                refused(Visit { attempt, ..begun.clone() }.come_back(nictate, &pairs).await);
            }
            for pairs in [
                vec![("code", code.as_str())],
                vec![("code", &code), ("state", "another")],
                vec![("code", &code), ("state", &state), ("iss", "https://another.example")],
                vec![],
            ] {
                refused(begun.clone().come_back(nictate, &pairs).await);
            }
            assert_eq!(reasons(nictate).await, vec!["not begun in this browser"; 10]);
            assert_eq!(provider.asked("token"), before);
            let late = Visit::begun(nictate).await;
            let reply = begun.clone().come_back(nictate, &pairs).await;
            assert_eq!(reply.status, 303, "{}", reply.text);
            // A code is good once.
            begun.clone().come_back(nictate, &pairs).await.error(401, "sso_refused");
            assert!(reasons(nictate).await.pop().unwrap().contains("invalid_grant"));
            nictate.clock.put_forward(Duration::from_secs(600));
            refused(late.clone().return_as(nictate, provider, &person("bob")).await);
        },
    )
    .await;
}

#[tokio::test]
async fn nobody_is_sent_to_another_server() {
    with_provider(
        |_| {},
        async |nictate, provider| {
            let long = format!("/{}", "x".repeat(512));
            for path in [
                "https://evil.example",
                "//evil.example",
                "/%5Cevil.example",
                "%5C%5Cevil.example",
                "/%09/evil.example",
                "/%0d%0aSet-Cookie:a=b",
                "javascript:alert(1)",
                "evil.example",
                "",
                &long,
            ] {
                let mut visit = Visit::default();
                let error =
                    visit.begin(nictate, &format!("?return_to={path}")).await.error(400, "parameter_invalid");
                assert!(text(&error, "message").contains("`return_to` is `"), "{error}");
                assert_eq!(visit.attempt, "");
            }
            let mut visit = Visit::default();
            visit.begin(nictate, &format!("?return_to={}", &long[..512])).await;
            // What the provider sends along changes nothing.
            let code = provider.grant(visit.location.as_ref().unwrap(), nictate.clock.now(), &person("bob"));
            let state = visit.asked("state");
            let pairs = [("code", code.as_str()), ("state", &state), ("return_to", "//evil.example")];
            assert_eq!(visit.come_back(nictate, &pairs).await.header("location"), &long[..512]);
        },
    )
    .await;
}

#[tokio::test]
async fn what_the_provider_refuses_is_told_and_written_down() {
    with_provider(
        |_| {},
        async |nictate, _| {
            for (error, shown) in
                [("access_denied", "access_denied"), ("<script>alert(1)</script>", "&lt;script&gt;")]
            {
                let mut visit = Visit::begun(nictate).await;
                let state = visit.asked("state");
                let told = visit.clone().come_back(nictate, &[("error", error), ("state", &state)]).await;
                assert!(text(&told.error(401, "sso_refused"), "message").contains(error));
                let url = reqwest::Url::parse_with_params("http://x", [("error", error), ("state", &state)])
                    .unwrap();
                let path = format!("{CALLBACK}?{}", url.query().unwrap());
                let page = visit.get_as(nictate, &path, "text/html,*/*").await;
                assert_eq!((page.status, page.header("content-type")), (401, "text/html; charset=utf-8"));
                assert!(page.text.contains(shown) && !page.text.contains("<script"), "{}", page.text);
                assert!(page.header("content-security-policy").contains("default-src 'none'"));
            }
            let mut visit = Visit::begun(nictate).await;
            let state = visit.asked("state");
            visit.come_back(nictate, &[("state", &state)]).await.error(401, "sso_refused");
            let reasons = reasons(nictate).await;
            assert_eq!((reasons.len(), &*reasons[0]), (5, "the provider says `access_denied`"));
            assert_eq!(reasons[4], "the provider says `no code`");
        },
    )
    .await;
}

#[tokio::test]
async fn a_provider_that_does_not_answer_keeps_nobody_waiting() {
    with_provider(
        |_| {},
        async |nictate, provider| {
            let mut visit = Visit::begun(nictate).await;
            provider.fail(true);
            let reply = visit.return_as(nictate, provider, &person("bob")).await;
            reply.error(503, "sso_unavailable");
            assert!(!reply.header("retry-after").is_empty());
            let reason = reasons(nictate).await.pop().unwrap();
            assert!(reason.contains("cannot be used"), "{reason}");
            provider.fail(false);
            provider.hang(true);
            let before = tokio::time::Instant::now();
            let mut visit = Visit { attempt: Visit::begun(nictate).await.attempt, ..visit };
            visit.begin(nictate, "").await;
            visit.return_as(nictate, provider, &person("bob")).await.error(503, "sso_unavailable");
            let waited = before.elapsed();
            assert!(
                waited >= PROVIDER_TIME_MAX && waited < PROVIDER_TIME_MAX + Duration::from_secs(2),
                "{waited:?}"
            );
            let reason = reasons(nictate).await.pop().unwrap();
            assert!(
                reason.starts_with("the provider does not answer") && reason.ends_with("within 8 s"),
                "{reason}"
            );
            provider.hang(false);
            // Others are not slowed down for it.
            for _ in 0..25 {
                provider.fail(true);
                let (_, reply) = Visit::sign_in(nictate, provider, &person("bob")).await;
                reply.error(503, "sso_unavailable");
            }
            provider.fail(false);
            let (_, reply) = Visit::sign_in(nictate, provider, &person("bob")).await;
            assert_eq!(reply.status, 303);
        },
    )
    .await;
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_said_to_be_so() {
    let nowhere = |config: &mut Config| {
        config.sso.issuer = "http://127.0.0.1:1".to_owned();
        config.sso.client_id = "nictate".to_owned();
    };
    on_both_with(nowhere, async |nictate| {
        let error = Visit::default().begin(nictate, "").await.error(503, "sso_unavailable");
        assert!(!error.to_string().contains("127.0.0.1:1"), "{error}");
        assert!(logged().contains("127.0.0.1:1"));
    })
    .await;
    // One who says to be somebody else is not believed.
    let provider = Provider::start().await;
    let other = |config: &mut Config| {
        provider.configure(config);
        config.sso.issuer.push('/');
    };
    on_both_with(other, async |nictate| {
        Visit::default().begin(nictate, "").await.error(503, "sso_unavailable");
        assert!(logged().contains("unexpected issuer"));
    })
    .await;
}

#[tokio::test]
async fn who_tries_too_often_waits() {
    with_provider(
        |_| {},
        async |nictate, provider| {
            for _ in 0..21 {
                Visit::default().come_back(nictate, &[]).await.error(400, "sso_state_invalid");
            }
            Visit::default().come_back(nictate, &[]).await.error(429, "sign_in_throttled");
            assert_eq!(reasons(nictate).await.len(), 21);
            nictate.clock.put_forward(Duration::from_secs(2));
            let (_, reply) = Visit::sign_in(nictate, provider, &person("bob")).await;
            assert_eq!(reply.status, 303, "{}", reply.text);
        },
    )
    .await;
}

#[tokio::test]
async fn a_client_knows_how_people_sign_in() {
    on_both(async |nictate| {
        let methods = nictate.request_as(None, Method::GET, METHODS);
        assert_eq!(Reply::of(methods).await.ok(), json!({"password": true, "sso": []}));
        for path in [START, CALLBACK] {
            Reply::of(nictate.request_as(None, Method::GET, path)).await.error(404, "sso_not_configured");
        }
    })
    .await;
    let alone = |config: &mut Config| {
        config.sso.name = "Example Corp".to_owned();
        config.sso.password_sign_in = false;
    };
    with_provider(alone, async |nictate, provider| {
        let methods = nictate.request_as(None, Method::GET, METHODS);
        let expected = json!({"password": false, "sso": [{"name": "Example Corp", "url": START}]});
        assert_eq!(Reply::of(methods).await.ok(), expected);
        nictate.set_password("bob@example.com", "k3#Vq9!zTwpL").await;
        let body = json!({"email": "bob@example.com", "password": "k3#Vq9!zTwpL"});
        Browser::default().sign_in(nictate, body).await.error(403, "password_sign_in_off");
        let (_, reply) = Visit::sign_in(nictate, provider, &person("bob")).await;
        assert_eq!(reply.status, 303);
    })
    .await;
}

#[tokio::test]
async fn the_client_shows_its_secret_as_the_provider_wants_it() {
    let provider = Provider::start().await;
    provider.want_secret_in_body();
    on_both_with(
        |config| provider.configure(config),
        async |nictate| {
            nictate.add_member("bob", WORKSPACE.parse().unwrap(), Role::Viewer).await;
            let (_, reply) = Visit::sign_in(nictate, &provider, &person("bob")).await;
            assert_eq!(reply.status, 303, "{}", reply.text);
        },
    )
    .await;
    // A wrong one is the operator's to put right.
    let wrong = |config: &mut Config| {
        provider.configure(config);
        config.sso.client_secret = "another".to_owned();
    };
    on_both_with(wrong, async |nictate| {
        let (_, reply) = Visit::sign_in(nictate, &provider, &person("bob")).await;
        reply.error(401, "sso_refused");
        assert_eq!(reasons(nictate).await, ["the provider refuses the code: invalid_client"]);
    })
    .await;
}
