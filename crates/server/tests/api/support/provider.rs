//! A provider of single sign-on, as others run one: discovery, keys that rotate, a token endpoint that checks what it is
//! shown. What it says of people, and how it lies, is the test's to say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode};
use reqwest::Url;
use serde_json::{Value, json};
use server::config::Config;
use sha2::{Digest as _, Sha256};
use types::Timestamp;

pub(crate) const CLIENT_ID: &str = "nictate";
/// Characters that must be escaped wherever it is sent.
pub(crate) const CLIENT_SECRET: &str = "s3cret:/+ %of the client";

/// How an ID token lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Forgery {
    #[default]
    None,
    /// It is not there.
    Missing,
    /// It has no signature, and says so.
    Unsigned,
    /// It says so in other letters.
    UnsignedInCapitals,
    /// It is signed with what the client knows, too.
    ClientSecret,
    /// It is signed with the public key, taken for a secret.
    PublicKeyAsSecret,
    /// It is signed with a key that is not the provider's, under the name of one that is.
    OtherKey,
    /// Its claims were changed after it was signed.
    Changed,
    /// It is no token at all.
    Nonsense,
}

/// A running provider.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    shared: Shared,
}

type Shared = Arc<Mutex<Inner>>;

struct Inner {
    issuer: String,
    key: Key,
    generation: usize,
    granted: usize,
    grants: HashMap<String, Grant>,
    /// Of whom a token was last made.
    subject: Value,
    user_info: Option<Value>,
    forgery: Forgery,
    /// Whether it wants the client's secret in the body.
    wants_secret_in_body: bool,
    hangs: bool,
    fails: bool,
    asked: HashMap<&'static str, usize>,
}

/// What a code is worth.
struct Grant {
    challenge: String,
    redirect_uri: String,
    claims: Value,
}

enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl Key {
    fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                // SEQUENCE of two INTEGERs; the first has 256 bytes after a zero, the second is 65537.
                let der = pair.public_key().as_ref();
                let n = encode(&der[9..265]);
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": "AQAB"})
            }
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (encode(&point[1..33]), encode(&point[33..65]));
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "x": x, "y": y})
            }
        }
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::Ec(pair) => pair.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
        }
    }

    fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ec(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realms/main", listener.local_addr().unwrap());
        let shared = Arc::new(Mutex::new(Inner {
            issuer: issuer.clone(),
            key: Key::rsa(),
            generation: 1,
            granted: 0,
            grants: HashMap::new(),
            subject: Value::Null,
            user_info: None,
            forgery: Forgery::None,
            wants_secret_in_body: false,
            hangs: false,
            fails: false,
            asked: HashMap::new(),
        }));
        let router = Router::new()
            .route("/realms/main/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/user_info", get(user_info))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { issuer, shared }
    }

    /// Configures a server for this provider.
    pub(crate) fn configure(&self, config: &mut Config) {
        config.sso.issuer.clone_from(&self.issuer);
        config.sso.client_id = CLIENT_ID.to_owned();
        config.sso.client_secret = CLIENT_SECRET.to_owned();
    }

    /// What happens at the authorization endpoint when somebody signs in there: the code for them.
    pub(crate) fn grant(&self, location: &Url, now: Timestamp, claims: &Value) -> String {
        let asked: HashMap<String, String> = location.query_pairs().into_owned().collect();
        let mut inner = self.shared.lock().unwrap();
        let seconds = now.as_millis() / 1000;
        let mut all = json!({
            "iss": self.issuer, "aud": CLIENT_ID, "exp": seconds + 300, "iat": seconds, "nonce": asked["nonce"],
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        inner.granted += 1;
        let code = format!("code-{}", inner.granted);
        let (challenge, redirect_uri) = (asked["code_challenge"].clone(), asked["redirect_uri"].clone());
        inner.grants.insert(code.clone(), Grant { challenge, redirect_uri, claims: all });
        code
    }

    /// Another key, of another kind, from now on; the old one is not shown any more.
    pub(crate) fn rotate(&self) {
        let mut inner = self.shared.lock().unwrap();
        inner.key = if matches!(inner.key, Key::Rsa(_)) { Key::ec() } else { Key::rsa() };
        inner.generation += 1;
    }

    pub(crate) fn forge(&self, forgery: Forgery) {
        self.shared.lock().unwrap().forgery = forgery;
    }

    pub(crate) fn say_of_everybody(&self, user_info: Value) {
        self.shared.lock().unwrap().user_info = Some(user_info);
    }

    /// It wants the client's secret in the body, and says so.
    pub(crate) fn want_secret_in_body(&self) {
        self.shared.lock().unwrap().wants_secret_in_body = true;
    }

    /// Whether it takes requests and never answers.
    pub(crate) fn hang(&self, hangs: bool) {
        self.shared.lock().unwrap().hangs = hangs;
    }

    /// Whether it answers 500.
    pub(crate) fn fail(&self, fails: bool) {
        self.shared.lock().unwrap().fails = fails;
    }

    /// How often that was asked for.
    pub(crate) fn asked(&self, what: &str) -> usize {
        self.shared.lock().unwrap().asked.get(what).copied().unwrap_or_default()
    }
}

/// Counts, and fails or hangs if it is to.
async fn note(shared: &Shared, what: &'static str) -> Result<(), Response> {
    let (hangs, fails) = {
        let mut inner = shared.lock().unwrap();
        *inner.asked.entry(what).or_default() += 1;
        (inner.hangs, inner.fails)
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    if fails { Err((StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response()) } else { Ok(()) }
}

async fn discovery(State(shared): State<Shared>) -> Result<Response, Response> {
    note(&shared, "discovery").await?;
    let (issuer, in_body) = {
        let inner = shared.lock().unwrap();
        (inner.issuer.clone(), inner.wants_secret_in_body)
    };
    let base = issuer.strip_suffix("/realms/main").unwrap();
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "userinfo_endpoint": format!("{base}/user_info"),
        "jwks_uri": format!("{base}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        "token_endpoint_auth_methods_supported":
            if in_body { vec!["client_secret_post"] } else { vec!["private_key_jwt", "client_secret_basic"] },
        "something_new": {"a": 1},
    });
    Ok(Json(document).into_response())
}

async fn keys(State(shared): State<Shared>) -> Result<Response, Response> {
    note(&shared, "keys").await?;
    let inner = shared.lock().unwrap();
    Ok(Json(json!({"keys": [inner.key.jwk(&format!("key-{}", inner.generation))]})).into_response())
}

async fn token(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Result<Response, Response> {
    note(&shared, "token").await?;
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response();
    let escape = |text: &str| {
        let mut url = Url::parse("http://x").unwrap();
        url.query_pairs_mut().append_pair("", text);
        url.query().unwrap()[1..].to_owned()
    };
    let expected = STANDARD.encode(format!("{}:{}", escape(CLIENT_ID), escape(CLIENT_SECRET)));
    let authorization = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    let form: HashMap<String, String> =
        Url::parse(&format!("http://x?{body}")).unwrap().query_pairs().into_owned().collect();
    let given = |name: &str| form.get(name).cloned().unwrap_or_default();
    let mut inner = shared.lock().unwrap();
    let is_client = if inner.wants_secret_in_body {
        authorization.is_empty() && given("client_id") == CLIENT_ID && given("client_secret") == CLIENT_SECRET
    } else {
        authorization == format!("Basic {expected}") && given("client_secret").is_empty()
    };
    if !is_client {
        return Err(refused("invalid_client"));
    }
    let Some(grant) = inner.grants.remove(&given("code")) else { return Err(refused("invalid_grant")) };
    if encode(&Sha256::digest(given("code_verifier"))) != grant.challenge
        || given("redirect_uri") != grant.redirect_uri
        || given("grant_type") != "authorization_code"
    {
        return Err(refused("invalid_grant"));
    }
    inner.subject = grant.claims["sub"].clone();
    let mut answer = json!({"access_token": "access", "token_type": "Bearer", "expires_in": 300});
    if inner.forgery != Forgery::Missing {
        answer["id_token"] = inner.id_token(&grant.claims).into();
    }
    Ok(Json(answer).into_response())
}

impl Inner {
    fn id_token(&self, claims: &Value) -> String {
        let kid = format!("key-{}", self.generation);
        let header = |algorithm: &str| {
            encode(json!({"alg": algorithm, "kid": kid, "typ": "JWT"}).to_string().as_bytes())
        };
        let payload = encode(claims.to_string().as_bytes());
        let own = format!("{}.{payload}", header(self.key.algorithm()));
        let secret = format!("{}.{payload}", header("HS256"));
        let mac = |key: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(secret.as_bytes());
            encode(&mac.finalize().into_bytes())
        };
        match self.forgery {
            Forgery::None | Forgery::Missing => format!("{own}.{}", encode(&self.key.sign(&own))),
            Forgery::Unsigned => format!("{}.{payload}.", header("none")),
            Forgery::UnsignedInCapitals => format!("{}.{payload}.", header("None")),
            Forgery::ClientSecret => format!("{secret}.{}", mac(CLIENT_SECRET.as_bytes())),
            Forgery::PublicKeyAsSecret => format!("{secret}.{}", mac(&self.key.public())),
            Forgery::OtherKey => format!("{own}.{}", encode(&Key::rsa().sign(&own))),
            Forgery::Changed => {
                let mut changed = claims.clone();
                changed["sub"] = "somebody else".into();
                let payload = encode(changed.to_string().as_bytes());
                format!("{}.{payload}.{}", header(self.key.algorithm()), encode(&self.key.sign(&own)))
            }
            Forgery::Nonsense => "a.b.c".to_owned(),
        }
    }
}

async fn user_info(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, Response> {
    note(&shared, "user_info").await?;
    let authorization = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    if authorization != "Bearer access" {
        return Err(StatusCode::UNAUTHORIZED.into_response());
    }
    let inner = shared.lock().unwrap();
    let info = inner.user_info.clone().unwrap_or_else(|| json!({"sub": inner.subject}));
    Ok(Json(info).into_response())
}
