//! From a document to a connection type that makes sense. Called for the types that ship when they are
//! first used, and by the server for those that a tenant makes. Which rules hold is `check.rs`'s business.

use std::fmt;

use super::{ConnectionType, check};

/// Bytes of a document of a connection type.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// What is wrong with a document, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The document's name, usually its path.
    pub file: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a connection type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `fields.token.pattern`. Empty if the document could not be read; the message says where then.
    pub key: String,
    /// What.
    pub message: String,
}

impl LoadError {
    pub(super) fn at(file: &str, key: &str, message: String) -> Self {
        Self { file: file.to_owned(), problems: vec![Problem { key: key.to_owned(), message }] }
    }
}

impl std::error::Error for LoadError {}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file)?;
        for (index, problem) in self.problems.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            if !problem.key.is_empty() {
                write!(f, "`{}`: ", problem.key)?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

impl ConnectionType {
    /// Reads the YAML of a connection type; `file` names it in errors.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, LoadError> {
        Self::load(file, text, |text| {
            let options = serde_saphyr::options! {
                strict_booleans: true,
                with_snippet: false,
            };
            serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
        })
    }

    /// Reads the JSON of a connection type; `name` names it in errors.
    pub fn from_json(name: &str, text: &str) -> Result<Self, LoadError> {
        Self::load(name, text, |text| serde_json::from_str(text).map_err(|error| error.to_string()))
    }

    fn load(file: &str, text: &str, read: fn(&str) -> Result<Self, String>) -> Result<Self, LoadError> {
        let unreadable = |message: String| LoadError::at(file, "", message);
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(unreadable(format!("{} bytes, more than {DOCUMENT_BYTES_MAX}", text.len())));
        }
        let kind = read(text).map_err(unreadable)?;
        let problems = check::check(&kind);
        if problems.is_empty() { Ok(kind) } else { Err(LoadError { file: file.to_owned(), problems }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "
name: acme
display_name: Acme
description: The Acme console.
category: endpoint
plugin_name: acme
documentation_url: https://acme.example/docs
fields:
  - {name: domain, display_name: Domain, required: true, pattern: '[a-z.]+'}
  - {name: token, display_name: Token, input_type: password, secret: true, required: true}
base_url: https://{domain}/api
allowed_hosts: ['{domain}']
authentication: {bearer: {token: '{token}'}}
verification: {request: {url: /me, statuses: [200, 2xx]}}
";

    fn check(from: &str, to: &str, expected: &str) {
        assert!(TYPE.contains(from), "{from}");
        let error = ConnectionType::from_yaml("acme.yaml", &TYPE.replace(from, to)).map(|_| ()).unwrap_err();
        assert!(error.to_string().starts_with("`acme.yaml`: "), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn a_type_that_makes_sense_survives_json() {
        let kind = ConnectionType::from_yaml("acme.yaml", TYPE).unwrap();
        let json = serde_json::to_string(&kind).unwrap();
        assert_eq!(ConnectionType::from_json("acme", &json), Ok(kind));
    }

    #[test]
    fn a_document_that_cannot_be_read_says_where() {
        check("name: acme", "nam: acme", "unknown field `nam`");
        check("bearer: {token", "bearer: {tokens", "tokens");
        check("allowed_hosts: ['{domain}']", "allowed_hosts: all", "expected `any` or a list of hosts");
        check("'[a-z.]+'", "'[a-z'", "is not a regular expression");
        check("[200, 2xx]", "[2000]", "`2000` is not between 100 and 599");
        check("https://{domain}/api", "'https://{domain/api'", "a brace stands alone");
    }

    #[test]
    fn what_makes_no_sense_is_named_by_its_key() {
        check("name: acme\n", "name: Acme\n", "`name`: `Acme` is not lower-case letters, digits");
        check("/api", "/{tenant}", "`base_url`: there is no field `tenant`");
        check(", pattern: '[a-z.]+'", "", "`base_url`: field `domain` decides where requests go");
        check("['{domain}']", "['{token}']", "`allowed_hosts`: field `token` is secret");
        check(
            "allowed_hosts: ['{domain}']",
            "allowed_hosts: any",
            "`allowed_hosts`: a type with secret fields",
        );
        check("['{domain}']", "['*']", "`allowed_hosts`: `*` is not a host");
        check(
            "input_type: password, secret: true",
            "input_type: password",
            "`fields.token.secret`: a password",
        );
        check("name: token,", "name: domain,", "`fields.domain.name`: stands twice");
        check(
            "verification: {request: {url: /me, statuses: [200, 2xx]}}",
            "verification: token",
            "gets no token",
        );
        check(
            "input_type: password",
            "input_type: select",
            "`fields.token.options`: a select field needs options",
        );
        check(
            "name: token,",
            "name: token, when: {field: domain, is: x},",
            "`fields.token.when`: no select field before it",
        );
        check(
            "input_type: password, secret: true",
            "secret: true",
            "`fields.token.input_type`: a secret is entered",
        );
        check("name: token,", "name: token, default: t,", "`fields.token.default`: a secret has no default");
        check(
            "authentication:",
            "tls: {certificate: x}\nauthentication:",
            "`tls`: a certificate needs its private key",
        );
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let text = TYPE.replace("/api", "/{tenant}").replace("display_name: Acme", "display_name: ''");
        assert_eq!(ConnectionType::from_yaml("acme.yaml", &text).unwrap_err().problems.len(), 2);
    }
}
