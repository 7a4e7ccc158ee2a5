//! The connection types that ship, one line each, found by name or id. The server adds those that a
//! tenant made; they live in its database, not here.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use types::ConnectionTypeId;

use super::{ConnectionType, LoadError};

/// The shipped documents: `integrations/<name>/connection.yaml`.
macro_rules! documents {
    ($($name:literal)*) => {
        &[$((
            concat!("integrations/", $name, "/connection.yaml"),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../integrations/", $name, "/connection.yaml")),
        ),)*]
    };
}

const DOCUMENTS: &[(&str, &str)] = documents! {
    "abuseipdb"
    "alienvault_otx"
    "anthropic"
    "aws"
    "azure"
    "cloudflare"
    "cortex_xdr"
    "crowdstrike"
    "datadog"
    "elastic"
    "github"
    "github_app"
    "gitlab"
    "google_cloud"
    "google_workspace"
    "greynoise"
    "hashicorp_vault"
    "http_api_key"
    "http_basic"
    "http_bearer"
    "http_custom_headers"
    "http_mtls"
    "http_none"
    "http_oauth2_client_credentials"
    "hybrid_analysis"
    "jira"
    "kubernetes"
    "microsoft_defender"
    "microsoft_graph"
    "misp"
    "nictate"
    "okta"
    "openai"
    "pagerduty"
    "postgresql"
    "rapid7_insight"
    "recorded_future"
    "sentinelone"
    "servicenow"
    "shodan"
    "slack"
    "smtp"
    "snyk"
    "splunk"
    "splunk_hec"
    "ssh"
    "tenable"
    "thehive"
    "urlscan"
    "virustotal"
    "wiz"
    "zendesk"
};

/// Connection types by name and by id.
#[derive(Debug, Default)]
pub struct Registry {
    by_name: BTreeMap<String, Arc<ConnectionType>>,
    name_by_id: BTreeMap<ConnectionTypeId, String>,
}

impl Registry {
    /// The types that ship, read when they are first asked for.
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<Registry> = LazyLock::new(|| {
            Registry::load(DOCUMENTS).expect("every type that ships loads: a test has seen it")
        });
        &BUILTIN
    }

    /// Reads `(file, text)` pairs; fails at the first that is no connection type, or has another's name.
    pub fn load(documents: &[(&str, &str)]) -> Result<Self, LoadError> {
        let mut registry = Self::default();
        for (file, text) in documents {
            let kind = ConnectionType::from_yaml(file, text)?;
            let (id, name) = (kind.id(), kind.name.clone());
            if registry.by_name.insert(name.clone(), Arc::new(kind)).is_some() {
                return Err(LoadError::at(file, "name", format!("`{name}` is the name of another type")));
            }
            registry.name_by_id.insert(id, name);
        }
        Ok(registry)
    }

    /// The type of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<ConnectionType>> {
        self.by_name.get(name)
    }

    /// The type of that id.
    pub fn get_by_id(&self, id: ConnectionTypeId) -> Option<&Arc<ConnectionType>> {
        self.get(self.name_by_id.get(&id)?)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<ConnectionType>> {
        self.by_name.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_ships_loads_and_is_found() {
        for (file, text) in DOCUMENTS {
            if let Err(error) = ConnectionType::from_yaml(file, text) {
                panic!("{error}");
            }
        }
        let registry = Registry::builtin();
        assert_eq!(registry.iter().len(), DOCUMENTS.len());
        let slack = registry.get("slack").unwrap();
        assert_eq!(registry.get_by_id(slack.id()), Some(slack));
        assert_eq!(registry.get_by_id(ConnectionTypeId::of_name("slick")), None);
    }

    #[test]
    fn every_document_in_the_folder_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../integrations");
        let mut found: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().join("connection.yaml").exists())
            .map(|entry| format!("integrations/{}/connection.yaml", entry.file_name().to_string_lossy()))
            .collect();
        found.sort();
        assert_eq!(found, DOCUMENTS.iter().map(|(file, _)| (*file).to_owned()).collect::<Vec<_>>());
    }

    #[test]
    fn two_types_of_one_name_are_refused() {
        let twice = [DOCUMENTS[0], DOCUMENTS[0]];
        assert!(Registry::load(&twice).unwrap_err().to_string().contains("is the name of another type"));
    }
}
