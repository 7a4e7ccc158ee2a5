//! The API as commands see it: a path, a query, a body; JSON back, or a `Failure` with its exit code.
//! Knows addresses, the key, time-outs and how errors look; knows no resource.

mod failure;
mod files;
mod find;

use std::time::Duration;

use reqwest::{Method, Response, StatusCode, Url};
use serde_json::Value;

use crate::args::ApiArgs;
use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome};

pub(crate) use find::{find_connection, find_runner_group, find_workflow, find_workflow_named};

/// For TCP and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For a whole exchange.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of an answer: a page of steps whose outputs are large is the largest.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
const API_KEY_HEADER: &str = "BLINK-API-KEY";

/// A server to ask, as somebody.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    workspace: Option<String>,
    api_key: Option<reqwest::header::HeaderValue>,
}

/// Parameters of a query.
pub(crate) type Query<'a> = &'a [(&'a str, String)];

/// Where a path begins.
#[derive(Clone, Copy)]
enum Scope {
    Workspace,
    Root,
}

impl Client {
    /// A client for the server that the flags name.
    ///
    /// # Errors
    /// An address or a key that cannot be used.
    pub(crate) fn new(args: &ApiArgs) -> Outcome<Self> {
        let base = parse_base(&args.url)?;
        let api_key = args.api_key.as_deref().map(str::trim).filter(|key| !key.is_empty());
        let api_key = api_key.map(parse_key).transpose()?;
        // A second install answers with the first one, which is the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("nictate-cli/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            // The key must not follow a redirect to another host.
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let http = builder.build().context(Exit::Failed, || "set up the HTTP client".to_owned())?;
        let workspace = args.workspace.clone().filter(|workspace| !workspace.is_empty());
        Ok(Self { http, base, workspace, api_key })
    }

    /// The address, for people.
    pub(crate) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The workspace that the flags name, if they name one.
    pub(crate) fn workspace(&self) -> Option<&str> {
        self.workspace.as_deref()
    }

    /// The same client in another workspace.
    pub(crate) fn in_workspace(self, id: String) -> Self {
        Self { workspace: Some(id), ..self }
    }

    /// Whether there is a key to send.
    pub(crate) fn has_key(&self) -> bool {
        self.api_key.is_some()
    }

    /// `GET` below the workspace.
    pub(crate) async fn get(&self, path: &[&str], query: Query<'_>) -> Outcome<Value> {
        self.send(Method::GET, self.url(Scope::Workspace, path, query), None).await
    }

    /// `GET` below `/api/v1`.
    pub(crate) async fn get_root(&self, path: &[&str], query: Query<'_>) -> Outcome<Value> {
        self.send(Method::GET, self.url(Scope::Root, path, query), None).await
    }

    /// `POST` below the workspace.
    pub(crate) async fn post(&self, path: &[&str], body: &Value) -> Outcome<Value> {
        self.send(Method::POST, self.url(Scope::Workspace, path, &[]), Some(body)).await
    }

    /// `PUT` below the workspace.
    pub(crate) async fn put(&self, path: &[&str], body: &Value) -> Outcome<Value> {
        self.send(Method::PUT, self.url(Scope::Workspace, path, &[]), Some(body)).await
    }

    /// `PATCH` below the workspace.
    pub(crate) async fn patch(&self, path: &[&str], body: &Value) -> Outcome<Value> {
        self.send(Method::PATCH, self.url(Scope::Workspace, path, &[]), Some(body)).await
    }

    /// `DELETE` below the workspace.
    pub(crate) async fn delete(&self, path: &[&str], query: Query<'_>) -> Outcome<Value> {
        self.send(Method::DELETE, self.url(Scope::Workspace, path, query), None).await
    }

    fn url(&self, scope: Scope, path: &[&str], query: Query<'_>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Each part is escaped, so that a name with a slash stays one segment.
            segments.pop_if_empty().extend(["api", "v1"]);
            if let (Scope::Workspace, Some(workspace)) = (scope, &self.workspace) {
                segments.extend(["workspace", workspace]);
            }
            segments.extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (*name, value.as_str())));
        }
        url
    }

    async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> Outcome<Value> {
        let mut request = self.http.request(method, url).header("accept", "application/json");
        if let Some(key) = &self.api_key {
            request = request.header(API_KEY_HEADER, key.clone());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| failure::unreachable(self.address(), &error))?;
        let status = response.status();
        let body = self.read(response).await?;
        if status.is_success() {
            return parse_answer(&body, self.address());
        }
        Err(self.refusal(status, &body))
    }

    async fn read(&self, mut response: Response) -> Outcome<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let chunk =
                response.chunk().await.map_err(|error| failure::unreachable(self.address(), &error))?;
            let Some(chunk) = chunk else { return Ok(body) };
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                let message = format!("the server's answer has more than {ANSWER_BYTES_MAX} bytes");
                return Err(Failure::new(Exit::Failed, message));
            }
            body.extend_from_slice(&chunk);
        }
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> Failure {
        let failure = failure::refused(status.as_u16(), body, self.address());
        if status == StatusCode::UNAUTHORIZED && !self.has_key() {
            return failure.hint(
                "set NICTATE_API_KEY to an API key; the server shows the first one at its first start",
            );
        }
        failure
    }
}

/// Rows of a list's answer; none if it has none.
pub(crate) fn results(page: &Value) -> &[Value] {
    page["results"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn parse_base(text: &str) -> Outcome<Url> {
    let refused = |why: &str| {
        Failure::new(Exit::Usage, format!("`{text}` is no address of a server: {why}"))
            .hint("an address looks like `http://127.0.0.1:8700`; --url or NICTATE_URL sets it")
    };
    let mut url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(refused("it must begin with `http://` or `https://` and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Failure::new(Exit::Usage, "the server's address must not hold a user name or password"));
    }
    url.set_query(None);
    url.set_fragment(None);
    // People copy the address of the API as often as that of the server.
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/api/v1").unwrap_or(path).to_owned();
    url.set_path(&path);
    Ok(url)
}

fn parse_key(key: &str) -> Outcome<reqwest::header::HeaderValue> {
    let mut value = reqwest::header::HeaderValue::from_str(key)
        .map_err(|_| Failure::new(Exit::Usage, "the API key has characters that no API key has"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A proxy from the environment cannot reach this machine's own loopback.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn parse_answer(body: &[u8], address: &str) -> Outcome<Value> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|_| {
        Failure::new(
            Exit::Failed,
            format!("what answers at `{address}` is not Nictate's API: the answer is no JSON"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str, workspace: Option<&str>) -> Client {
        let api_key = Some("k".to_owned());
        let args = ApiArgs { url: url.to_owned(), api_key, workspace: workspace.map(str::to_owned) };
        Client::new(&args).unwrap()
    }

    #[test]
    fn addresses_are_put_together_from_escaped_parts() {
        let check = |base: &str, workspace: Option<&str>, expected: &str| {
            let query = [("q", r#"{"a":1}"#.to_owned())];
            let url = client(base, workspace).url(Scope::Workspace, &["connections", "a/b c"], &query);
            assert_eq!(url.as_str(), expected);
        };
        let tail = "connections/a%2Fb%20c?q=%7B%22a%22%3A1%7D";
        check("http://h:1", None, &format!("http://h:1/api/v1/{tail}"));
        check("http://h:1/", Some("My team"), &format!("http://h:1/api/v1/workspace/My%20team/{tail}"));
        check("https://h/nictate/api/v1/", Some(""), &format!("https://h/nictate/api/v1/{tail}"));
    }

    #[test]
    fn an_address_that_cannot_be_one_is_refused() {
        for url in ["", "h:1", "ftp://h", "http://", "http://u:p@h"] {
            let refused = parse_base(url).unwrap_err();
            assert_eq!(refused.exit, Exit::Usage, "{url}");
            assert!(!refused.message.contains("u:p"), "{}", refused.message);
        }
    }

    #[test]
    fn loopback_is_recognised_in_each_spelling() {
        let check = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(check("http://127.0.0.1:1") && check("http://[::1]:1") && check("http://localhost"));
        assert!(!check("http://10.0.0.1") && !check("http://example.com"));
    }
}
