//! Invitations: who is asked to join, by a link that works once and for some days.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::lists::hold_the_same;
use crate::support::{NOBODY, Nictate, Reply, logged, on_both, on_both_with, text};

/// Good enough for Bob.
const PASSWORD: &str = "k3#Vq9!zTwpL-bridge";

const INVITE: &str = "/api/v1/invite";

async fn invite(nictate: &Nictate, email: &str, role: &str) -> (String, String) {
    let made = nictate.post(INVITE, json!([{"email": email, "role": role}])).await.ok();
    let link = text(&made[0], "link");
    (text(&made[0], "id"), link.rsplit_once("/invite#").unwrap().1.to_owned())
}

/// Nobody's request: whoever accepts has no key yet.
async fn accept(nictate: &Nictate, code: &str, body: Value) -> Reply {
    Reply::of(nictate.request_as(None, Method::POST, &format!("{INVITE}/{code}")).json(&body)).await
}

#[tokio::test]
async fn who_accepts_becomes_a_user_once() {
    on_both(async |nictate| {
        let (id, code) = invite(nictate, "Bob@Example.com", "builder").await;
        assert_eq!(code.len(), 64);
        let listed = nictate.get(INVITE).await;
        assert!(!listed.text.contains(&code));
        let row = &listed.results()[0];
        assert_eq!((&row["email_address"], &row["status"]), (&json!("bob@example.com"), &json!("Invited")));
        assert_eq!((&row["id"], &row["role"]), (&json!(id), &json!("Builder")));
        hold_the_same(nictate, INVITE, &store::invites::FIELDS).await;
        let q = json!({"search": {"text": "bob"}});
        assert_eq!(nictate.list(INVITE, &q).await.results().len(), 1);

        accept(nictate, NOBODY, json!({})).await.error(404, "invite_not_found");
        accept(nictate, &code, json!({"name": "a\nb"})).await.error(400, "name_invalid");
        for weak in ["short", "bob@example.com", "passwordpassword"] {
            let weak = json!({"name": "Bob", "password": weak});
            accept(nictate, &code, weak).await.error(400, "password_refused");
        }
        accept(nictate, NOBODY, json!({"password": PASSWORD})).await.error(404, "invite_not_found");
        let answer = json!({"name": "Bob", "password": PASSWORD});
        let (one, other) =
            tokio::join!(accept(nictate, &code, answer.clone()), accept(nictate, &code, answer.clone()));
        let mut outcomes = [one.status, other.status];
        outcomes.sort_unstable();
        assert_eq!(outcomes, [200, 404]);
        let q = json!({"filter": {"email": "bob@example.com"}});
        let users = nictate.list("/api/v1/users", &q).await.results();
        assert_eq!((&users[0]["status"], &users[0]["tenant_role"]), (&json!("Active"), &json!("Builder")));
        assert_eq!(nictate.get(INVITE).await.results().len(), 0);
        let signs_in = json!({"email": "bob@example.com", "password": PASSWORD});
        let request = nictate.request_as(None, Method::POST, "/api/v1/session").header("x-nictate-csrf", "1");
        let signed_in = Reply::of(request.json(&signs_in)).await;
        assert!(signed_in.ok().to_string().contains("bob@example.com"));
        let again = nictate.post(INVITE, json!([{"email": "BOB@example.com"}])).await;
        assert_eq!(again.error(400, "user_exists")["data"]["email"], "bob@example.com");
        assert!(!logged().contains(&code));
    })
    .await;
}

#[tokio::test]
async fn the_link_leads_to_a_page_that_is_kept_nowhere() {
    on_both(async |nictate| {
        let made = nictate.post(INVITE, json!([{"email": "bob@example.com"}])).await.ok();
        let link = text(&made[0], "link");
        let (page, code) = link.split_once('#').unwrap();
        assert_eq!((page, code.len()), (format!("{}/invite", nictate.url).as_str(), 64));
        for (path, part) in [("/invite", "<form"), ("/invite/accept-invitation.js", "fetch(")] {
            let page = Reply::of(nictate.request_as(None, Method::GET, path)).await;
            assert!(page.status == 200 && page.text.contains(part), "{path}");
            assert!(page.header("content-security-policy").contains("default-src 'none'"), "{path}");
            assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");
            assert_eq!(page.header("cache-control"), "no-store", "{path}");
        }
        // What the page sends: it sees no cookie, but says that it is a page.
        let accept = nictate.request_as(None, Method::POST, &format!("{INVITE}/{code}"));
        let person = json!({"name": "Bob", "password": PASSWORD});
        Reply::of(accept.header("x-nictate-csrf", "1").json(&person)).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_renewed_invitation_has_a_new_link_and_the_old_one_opens_nothing() {
    on_both(async |nictate| {
        let (id, old) = invite(nictate, "bob@example.com", "").await;
        nictate.clock.put_forward(Duration::from_secs(5 * 24 * 60 * 60 + 1));
        assert_eq!(nictate.get(INVITE).await.column("status"), ["Invitation Expired"]);
        accept(nictate, &old, json!({})).await.error(400, "invite_expired");
        let (renewed, new) = invite(nictate, "bob@example.com", "Admin").await;
        assert_eq!((renewed == id, new == old), (true, false));
        assert_eq!(nictate.get(INVITE).await.column("status"), ["Invited"]);
        accept(nictate, &old, json!({})).await.error(404, "invite_not_found");
        let role = async |id: &str, role: &str| {
            Reply::of(nictate.request(Method::PUT, &format!("{INVITE}/{id}/role/{role}"))).await
        };
        role(&id, "Tenant%20Guest").await.ok();
        assert_eq!(nictate.get(INVITE).await.column("role"), ["Tenant Guest"]);
        role(&id, "King").await.error(400, "parameter_invalid");
        role(NOBODY, "Admin").await.error(404, "invite_not_found");
        let withdraw = async || nictate.post_nothing("/api/v1/uninvite/Bob@example.com").await;
        withdraw().await.ok();
        withdraw().await.error(404, "invite_not_found");
        accept(nictate, &new, json!({})).await.error(404, "invite_not_found");
        for action in ["invite.created", "invite.renewed", "invite.role_set", "invite.withdrawn"] {
            assert_eq!(nictate.audited(action).await.len(), 1, "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_call_that_cannot_be_followed_invites_nobody() {
    on_both_with(
        |config| config.server.public_url = "https://nictate.example/".to_owned(),
        async |nictate| {
            let good = json!({"email": "bob@example.com"});
            let many: Vec<Value> = (0..101).map(|n| json!({"email": format!("n{n}@x.example")})).collect();
            for bad in [
                json!([good, {"email": "not an address"}]),
                json!([good, {"email": "ann@example.com", "role": "King"}]),
                json!([good, {"email": "ann@example.com", "roles": ["Admin", "Builder"]}]),
                json!([good, good]),
                json!([]),
                json!(many),
            ] {
                nictate.post(INVITE, bad).await.error(400, "invite_invalid");
            }
            nictate.post(INVITE, json!([good, {"email": "ada@example.com"}])).await.error(400, "user_exists");
            for bad in [json!(good), json!([7]), json!([{"email": 7}])] {
                nictate.post(INVITE, bad).await.error(400, "body_invalid");
            }
            assert_eq!(nictate.get(INVITE).await.results().len(), 0);
            let made =
                nictate.post(INVITE, json!([{"email": "bob@example.com", "roles": ["Builder"]}])).await.ok();
            assert!(text(&made[0], "link").starts_with("https://nictate.example/invite#"), "{made}");
        },
    )
    .await;
}
