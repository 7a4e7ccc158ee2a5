//! Single sign-on: who may enter, as whom, with which role and in which groups.

use reqwest::Method;
use serde_json::{Value, json};
use server::config::Config;
use store::users::{User, UserStatus};
use types::{Assigned, Clock as _, Role, TenantRole, UserId};

use crate::single_sign_on::{and, details, person, reasons, with_provider};
use crate::support::{Browser, Nictate, Person, Provider, Reply, SESSION, Visit, WORKSPACE, text};

const INVITES: &str = "/api/v1/invite";

async fn enter(nictate: &Nictate, provider: &Provider, claims: &Value) {
    let (_, reply) = Visit::sign_in(nictate, provider, claims).await;
    assert_eq!(reply.status, 303, "{}", reply.text);
}

async fn stay_out(nictate: &Nictate, provider: &Provider, claims: &Value, reason: &str) {
    let (visit, reply) = Visit::sign_in(nictate, provider, claims).await;
    reply.error(401, "sso_refused");
    assert_eq!(visit.session, "");
    let told = reasons(nictate).await.pop().unwrap();
    assert!(told.contains(reason), "{claims}: {told}");
}

async fn user(nictate: &Nictate, email: &str) -> Option<User> {
    store::users::get_by_email(&nictate.db, nictate.tenant().await, email).await.unwrap()
}

async fn role(nictate: &Nictate, email: &str) -> Assigned<TenantRole> {
    user(nictate, email).await.unwrap().tenant_role
}

#[tokio::test]
async fn only_a_verified_address_says_who_somebody_is() {
    with_provider(
        |_| {},
        async |nictate, provider| {
            for claims in [
                json!({"email_verified": false}),
                json!({"email_verified": null}),
                json!({"email_verified": "false"}),
                json!({"email": null}),
                json!({"email": "no address"}),
                json!({"email": "bob@example.com,eve@example.com"}),
            ] {
                stay_out(nictate, provider, &and(person("bob"), claims), "address not verified").await;
            }
            let text = and(person("bob"), json!({"email": "BOB@Example.com", "email_verified": "true"}));
            enter(nictate, provider, &text).await;
            // Once known, the person is known by the subject.
            enter(nictate, provider, &json!({"sub": "subject of bob"})).await;
            // The address has passed to somebody else.
            let other = and(person("bob"), json!({"sub": "another"}));
            stay_out(nictate, provider, &other, "known as another person").await;
            let forget = format!("/api/v1/user/{}/identities", UserId::of_name("bob"));
            Reply::of(nictate.request_as(Some("bob"), Method::DELETE, &forget)).await.error(403, "forbidden");
            nictate.delete(&forget).await.ok();
            nictate.delete(&forget).await.error(404, "identity_not_found");
            nictate
                .delete(&format!("/api/v1/user/{}/identities", UserId::of_name("x")))
                .await
                .error(404, "user_not_found");
            assert_eq!(nictate.audited("user.identities_forgotten").await.len(), 1);
            enter(nictate, provider, &other).await;
            stay_out(nictate, provider, &person("bob"), "known as another person").await;
        },
    )
    .await;
}

#[tokio::test]
async fn the_user_info_completes_the_token() {
    let configure = |config: &mut Config| config.sso.email_verified_claim = "xms_edov".to_owned();
    with_provider(configure, async |nictate, provider| {
        let claims = and(person("bob"), json!({"xms_edov": null}));
        let info = |claims: Value| provider.say_of_everybody(and(json!({"sub": "subject of bob"}), claims));
        info(json!({"email": "bob@example.com", "email_verified": true}));
        stay_out(nictate, provider, &claims, "address not verified").await;
        info(json!({"email": "eve@example.com", "xms_edov": true}));
        stay_out(nictate, provider, &claims, "address not verified").await;
        info(json!({"email": "bob@example.com", "xms_edov": "1", "sub": "another"}));
        let (_, reply) = Visit::sign_in(nictate, provider, &claims).await;
        reply.error(503, "sso_unavailable");
        info(json!({"email": "bob@example.com", "xms_edov": "1"}));
        enter(nictate, provider, &claims).await;
        // More than an answer may have.
        for (bytes, status) in [(1024 * 1024, 503), (1000 * 1024, 303)] {
            info(json!({"email": "bob@example.com", "xms_edov": "1", "x": "x".repeat(bytes)}));
            let (_, reply) = Visit::sign_in(nictate, provider, &claims).await;
            assert_eq!(reply.status, status, "{bytes}");
        }
        // What is not needed is not asked for.
        let asked = provider.asked("user_info");
        enter(nictate, provider, &and(claims, json!({"xms_edov": true}))).await;
        assert_eq!(provider.asked("user_info"), asked);
    })
    .await;
}

#[tokio::test]
async fn strangers_come_only_where_they_may() {
    with_provider(
        |_| {},
        async |nictate, provider| {
            stay_out(nictate, provider, &person("eve"), "unknown user").await;
            assert_eq!(user(nictate, "eve@example.com").await, None);
            // An invitation is accepted by coming.
            nictate.post(INVITES, json!([{"email": "eve@example.com", "role": "Builder"}])).await.ok();
            enter(nictate, provider, &person("eve")).await;
            let eve = user(nictate, "eve@example.com").await.unwrap();
            assert_eq!((eve.tenant_role, &*eve.name), (TenantRole::Builder.into(), "eve"));
            assert_eq!(nictate.list(INVITES, &json!({})).await.results(), Vec::<Value>::new());
            assert_eq!(nictate.audited_in_tenant("invite.accepted").await.len(), 1);
            nictate.post(INVITES, json!([{"email": "late@example.com"}])).await.ok();
            nictate.clock.put_forward(std::time::Duration::from_secs(6 * 24 * 60 * 60));
            stay_out(nictate, provider, &person("late"), "unknown user").await;
        },
    )
    .await;
    let open = |config: &mut Config| {
        config.sso.default_role = "Consumer".to_owned();
        config.sso.email_domains = vec!["Example.com".to_owned(), "example.org".to_owned()];
    };
    with_provider(open, async |nictate, provider| {
        let long = and(person("eve"), json!({"name": "x".repeat(10_000)}));
        enter(nictate, provider, &long).await;
        let eve = user(nictate, "eve@example.com").await.unwrap();
        assert_eq!((eve.tenant_role, &*eve.name), (TenantRole::Consumer.into(), "eve@example.com"));
        let [made] = nictate.audited_in_tenant("user.created").await.try_into().unwrap();
        assert_eq!((&details(&made)["role"], made.entity_id), (&json!("Consumer"), eve.id.to_string()));
        // Who comes twice at once is one user.
        let (mut one, mut two) = (Visit::begun(nictate).await, Visit::begun(nictate).await);
        let claims = person("twice");
        let (first, second) = tokio::join!(
            one.return_as(nictate, provider, &claims),
            two.return_as(nictate, provider, &claims)
        );
        assert_eq!((first.status, second.status), (303, 303), "{} {}", first.text, second.text);
        assert_eq!(nictate.audited_in_tenant("user.created").await.len(), 2);
        // A domain that is not allowed is not, known or unknown, nor is one that nobody vouches for.
        for email in
            ["x@other.example", "x@sub.example.com", "x@notexample.com", "x@example.com.evil.example"]
        {
            for claims in [person("eve"), person("mallory")] {
                stay_out(nictate, provider, &and(claims, json!({"email": email})), "domain not allowed")
                    .await;
            }
        }
        let unverified = and(person("eve"), json!({"email_verified": false}));
        stay_out(nictate, provider, &unverified, "address not verified").await;
        enter(nictate, provider, &and(person("eve"), json!({"email": "eve@example.org"}))).await;
    })
    .await;
}

#[tokio::test]
async fn who_is_switched_off_stays_out() {
    let open = |config: &mut Config| config.sso.default_role = "Admin".to_owned();
    with_provider(open, async |nictate, provider| {
        let memberships = [(WORKSPACE.parse().unwrap(), Role::Owner)];
        let tenant = nictate.tenant().await;
        let off = Person { status: UserStatus::Inactive, ..Person::new("off", tenant, &memberships) };
        nictate.add_person(off).await;
        stay_out(nictate, provider, &person("off"), "switched off").await;
        let (now, robot) = (nictate.clock.now(), UserId::of_name("robot"));
        let service = User {
            id: robot,
            tenant_id: tenant,
            email: "service@example.com".to_owned(),
            name: "service".to_owned(),
            description: String::new(),
            kind: store::users::UserKind::Service,
            tenant_role: TenantRole::Admin.into(),
            status: UserStatus::Active,
            default_workspace_id: None,
            created_at: now,
            updated_at: now,
        };
        nictate.write_beside(async move |tx| store::users::insert(tx, &service).await).await;
        stay_out(nictate, provider, &person("service"), "unknown user").await;
        // Who is switched off afterwards is out at once, and does not come back.
        let (visit, reply) = Visit::sign_in(nictate, provider, &person("bob")).await;
        assert_eq!(reply.status, 303);
        let switch = |to: &str| format!("/api/v1/user/{}/status/{to}", UserId::of_name("bob"));
        let off = nictate.request(Method::PUT, &switch("Inactive"));
        Reply::of(off).await.ok();
        Browser { token: visit.session }.get(nictate, SESSION).await.error(401, "unauthenticated");
        stay_out(nictate, provider, &person("bob"), "switched off").await;
        // Whoever is asked to choose another password has none to show here.
        Reply::of(nictate.request(Method::PUT, &switch("Active"))).await.ok();
        let password = store::passwords::Password {
            user_id: UserId::of_name("bob"),
            tenant_id: tenant,
            hash: "none".to_owned(),
            changed_at: now,
            must_change: true,
        };
        nictate.write_beside(async move |tx| store::passwords::set(tx, &password).await).await;
        let (visit, _) = Visit::sign_in(nictate, provider, &person("bob")).await;
        Browser { token: visit.session }.get(nictate, "/connections").await.ok();
    })
    .await;
}

#[tokio::test]
async fn roles_follow_the_provider_up_and_down() {
    let mapped = |config: &mut Config| {
        config.sso.roles_claim = "realm_access.roles".to_owned();
        config.sso.roles = vec!["admins=Admin".to_owned(), "CN=b,O=x=Builder".to_owned()];
    };
    with_provider(mapped, async |nictate, provider| {
        let with = |name: &str, roles: &[&str]| and(person(name), json!({"realm_access": {"roles": roles}}));
        let bob = "bob@example.com";
        for (roles, expected) in [
            (vec!["admins", "CN=b,O=x", "other"], TenantRole::Admin),
            (vec!["CN=b,O=x"], TenantRole::Builder),
            (vec!["admins"], TenantRole::Admin),
            (vec!["Admins"], TenantRole::Guest),
            (vec!["admins"], TenantRole::Admin),
            (vec![], TenantRole::Guest),
        ] {
            enter(nictate, provider, &with("bob", &roles)).await;
            assert_eq!(role(nictate, bob).await, expected.into(), "{roles:?}");
        }
        assert_eq!(nictate.audited_in_tenant("user.role_set").await.len(), 6);
        // What no value gives is an Admin's to give, and stays.
        let consumer = format!("/api/v1/user/{}/role/Consumer", UserId::of_name("bob"));
        Reply::of(nictate.request(Method::PUT, &consumer)).await.ok();
        enter(nictate, provider, &person("bob")).await;
        assert_eq!(role(nictate, bob).await, TenantRole::Consumer.into());
        // The last Admin stays one.
        let ada = "ada@example.com";
        for _ in 0..2 {
            enter(nictate, provider, &with("ada", &["CN=b,O=x"])).await;
            assert_eq!(role(nictate, ada).await, TenantRole::Admin.into());
        }
        let kept = nictate.audited_in_tenant("user.role_kept").await;
        assert_eq!((kept.len(), &details(&kept[0])["refused"]), (2, &json!("Builder")));
        enter(nictate, provider, &with("bob", &["admins"])).await;
        enter(nictate, provider, &with("ada", &["CN=b,O=x"])).await;
        assert_eq!(role(nictate, ada).await, TenantRole::Builder.into());
        // What cannot be read takes nothing away.
        for claims in [
            json!({"realm_access": {"roles": 1}}),
            json!({"realm_access": null, "_claim_names": {"realm_access.roles": "src1"}}),
        ] {
            stay_out(nictate, provider, &and(person("bob"), claims), "`realm_access.roles`").await;
        }
        assert_eq!(role(nictate, bob).await, TenantRole::Admin.into());
    })
    .await;
}

#[tokio::test]
async fn groups_follow_the_provider_as_far_as_they_are_mapped() {
    let mapped = |config: &mut Config| {
        config.sso.roles_claim = "groups".to_owned();
        config.sso.groups = ["r=Red", "also r=Red", "b=Blue", "n=Nowhere"].map(str::to_owned).to_vec();
    };
    with_provider(mapped, async |nictate, provider| {
        let bob = UserId::of_name("bob").to_string();
        let mut ids = Vec::new();
        for name in ["Blue", "Green", "Red"] {
            ids.push(text(&nictate.post("/table/sys_groups", json!({"name": name})).await.ok(), "id"));
        }
        let tenant = nictate.tenant().await;
        let add = async |group: &str| {
            let (group, user) = (group.parse().unwrap(), bob.parse().unwrap());
            nictate
                .write_beside(async move |tx| store::groups::add_user(tx, tenant, group, user).await)
                .await;
        };
        add(&ids[0]).await;
        add(&ids[1]).await;
        for (groups, expected) in [
            (json!(["also r", "n"]), vec!["Green", "Red"]),
            (json!("r"), vec!["Green", "Red"]),
            (json!(["r", "b"]), vec!["Blue", "Green", "Red"]),
            (json!(null), vec!["Green"]),
        ] {
            enter(nictate, provider, &and(person("bob"), json!({"groups": groups}))).await;
            let of_user = store::groups::of_user(&nictate.db, tenant, bob.parse().unwrap()).await.unwrap();
            let mut names = Vec::new();
            for id in of_user {
                names.push(store::groups::get(&nictate.db, tenant, id).await.unwrap().unwrap().name);
            }
            names.sort_unstable();
            assert_eq!(names, expected, "{groups}");
        }
        assert_eq!(nictate.audited_in_tenant("group.users_added").await.len(), 2);
        assert_eq!(nictate.audited_in_tenant("group.users_removed").await.len(), 3);
        assert_eq!(role(nictate, "bob@example.com").await, TenantRole::Builder.into());
    })
    .await;
}
