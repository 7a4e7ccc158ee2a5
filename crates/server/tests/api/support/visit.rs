//! A browser on its way through single sign-on, which follows nothing by itself.

use reqwest::Url;
use reqwest::redirect::Policy;
use serde_json::Value;

use super::{Nictate, PATIENCE, Provider, Reply};

/// Where it begins.
pub(crate) const START: &str = "/api/v1/sign_in/sso";
/// Where it comes back.
pub(crate) const CALLBACK: &str = "/api/v1/sign_in/sso/callback";

/// One browser.
#[derive(Clone, Default)]
pub(crate) struct Visit {
    /// The cookies of an attempt and of a session; empty if it has none.
    pub(crate) attempt: String,
    pub(crate) session: String,
    /// Where the provider is, and what it is asked.
    pub(crate) location: Option<Url>,
}

impl Visit {
    /// A browser that has been sent to the provider.
    pub(crate) async fn begun(nictate: &Nictate) -> Self {
        let mut visit = Self::default();
        visit.begin(nictate, "").await;
        visit
    }

    /// Begins; `query` is what follows the address.
    pub(crate) async fn begin(&mut self, nictate: &Nictate, query: &str) -> Reply {
        let reply = self.get(nictate, &format!("{START}{query}")).await;
        if reply.status == 303 {
            self.location = Some(reply.header("location").parse().unwrap());
        }
        reply
    }

    /// What the provider was asked under that name.
    pub(crate) fn asked(&self, name: &str) -> String {
        let location = self.location.as_ref().unwrap();
        let mut pairs = location.query_pairs();
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// Comes back with these parameters.
    pub(crate) async fn come_back(&mut self, nictate: &Nictate, pairs: &[(&str, &str)]) -> Reply {
        let url = Url::parse_with_params(&nictate.address(CALLBACK), pairs).unwrap();
        self.get(nictate, &format!("{CALLBACK}?{}", url.query().unwrap_or_default())).await
    }

    /// Signs in at the provider as somebody of whom it claims this, and comes back.
    pub(crate) async fn return_as(
        &mut self,
        nictate: &Nictate,
        provider: &Provider,
        claims: &Value,
    ) -> Reply {
        use types::Clock as _;
        let code = provider.grant(self.location.as_ref().unwrap(), nictate.clock.now(), claims);
        let state = self.asked("state");
        self.come_back(nictate, &[("code", &code), ("state", &state)]).await
    }

    /// The whole way.
    pub(crate) async fn sign_in(nictate: &Nictate, provider: &Provider, claims: &Value) -> (Self, Reply) {
        let mut visit = Self::begun(nictate).await;
        let reply = visit.return_as(nictate, provider, claims).await;
        (visit, reply)
    }

    /// Asks for a page, or for something of the API.
    pub(crate) async fn get(&mut self, nictate: &Nictate, path: &str) -> Reply {
        self.get_as(nictate, path, "*/*").await
    }

    pub(crate) async fn get_as(&mut self, nictate: &Nictate, path: &str, accept: &str) -> Reply {
        let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE);
        let request = client.build().unwrap().get(nictate.address(path)).header("accept", accept);
        let cookies = format!("nictate_sso={}; nictate_session={}", self.attempt, self.session);
        let reply = Reply::of(request.header("cookie", cookies)).await;
        for cookie in reply.headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap().to_owned();
            if name == "nictate_sso" {
                self.attempt = value;
            } else {
                self.session = value;
            }
        }
        reply
    }
}
