//! What can be seen from outside: whether the server answers, its version, and the key.

use serde_json::json;

use super::{Finding, Verdict};
use crate::args::ApiArgs;
use crate::client::Client;
use crate::text::value_line;

/// Asks the server; if it does not answer, nothing more.
pub(super) async fn look(args: &ApiArgs) -> Vec<Finding> {
    let client = match Client::new(args) {
        Ok(client) => client,
        Err(failure) => return vec![Finding::failed("server", failure)],
    };
    let mut findings = match client.get_root(&["api", "readiness"], &[]).await {
        Ok(_) => vec![Finding::new("server", Verdict::Ok, format!("`{}` is ready", client.address()))],
        Err(failure) => return vec![Finding::failed("server", failure)],
    };
    findings.push(look_at_version(&client).await);
    findings.push(look_at_key(&client).await);
    findings
}

async fn look_at_version(client: &Client) -> Finding {
    const WHAT: &str = "version";
    const OURS: &str = env!("CARGO_PKG_VERSION");
    match client.get_root(&["api", "version"], &[]).await.map(|version| value_line(&version)) {
        Ok(theirs) if theirs == OURS => Finding::new(WHAT, Verdict::Ok, theirs),
        Ok(theirs) => {
            let detail = format!("the server is {theirs}, this program is {OURS}");
            Finding::new(WHAT, Verdict::Warning, detail).hint("use the program of the server's version")
        }
        Err(failure) => Finding::failed(WHAT, failure),
    }
}

async fn look_at_key(client: &Client) -> Finding {
    const WHAT: &str = "API key";
    if !client.has_key() {
        return Finding::new(WHAT, Verdict::Skipped, "none is set").hint("NICTATE_API_KEY sets it");
    }
    let q = [("q", json!({"limit": 1, "select": ["id"]}).to_string())];
    match client.get(&["connections"], &q).await {
        Ok(_) => Finding::new(WHAT, Verdict::Ok, "is accepted, and may read connections"),
        Err(failure) => Finding::failed(WHAT, failure),
    }
}
