//! A connection type as a client of the public API sends it: `models.ConnectionType`, which knows a form and
//! nothing else. What such a type means follows from the names of its fields, as clients of the contract
//! expect: `REQUEST_URL` is the base address, `USERNAME` and `PASSWORD` are Basic authentication, every other
//! field is a header of its name. Called by the server's `POST /connection_types`.

use indexmap::IndexMap;
use serde::Deserialize;

use super::{
    AllowedHosts, Authentication, Basic, ConnectionType, Field, InputType, LoadError, Pattern, Template,
    TemplateError, Verification, VerificationRequest, check,
};

/// Tolerant: the contract has more keys than are of use here.
#[derive(Deserialize)]
struct ContractType {
    #[serde(default)]
    name: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    plugin_name: String,
    #[serde(default)]
    attributes: IndexMap<String, ContractAttribute>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContractAttribute {
    default_value: Option<serde_json::Value>,
    description: String,
    display_name: String,
    index: i64,
    input_type: String,
    options: Vec<String>,
    pattern: String,
    placeholder: String,
    required: bool,
    secret: bool,
}

impl ConnectionType {
    /// Reads the JSON that a client sends: a whole document (it has `fields`), or `models.ConnectionType`.
    pub fn from_request(text: &str) -> Result<Self, LoadError> {
        let unreadable = |message: String| LoadError::at("connection type", "", message);
        let body: serde_json::Value =
            serde_json::from_str(text).map_err(|error| unreadable(format!("is not JSON: {error}")))?;
        if body.get("fields").is_some() {
            return Self::from_json("connection type", text);
        }
        let contract: ContractType =
            serde_json::from_value(body).map_err(|error| unreadable(error.to_string()))?;
        let kind = convert(contract)?;
        let problems = check::check(&kind);
        if problems.is_empty() {
            Ok(kind)
        } else {
            Err(LoadError { file: "connection type".to_owned(), problems })
        }
    }
}

fn convert(contract: ContractType) -> Result<ConnectionType, LoadError> {
    let wrong = |key: String, message: String| LoadError::at("connection type", &key, message);
    let name = contract.name;
    let mut attributes: Vec<(String, ContractAttribute)> = contract.attributes.into_iter().collect();
    attributes.sort_by_key(|(_, attribute)| attribute.index);
    let named = |wanted: &str| {
        attributes.iter().map(|(key, _)| key).find(|key| key.eq_ignore_ascii_case(wanted)).cloned()
    };
    let Some(url) = named("REQUEST_URL") else {
        let message = "there is no field `REQUEST_URL`, so it is not known where the credentials may go";
        return Err(wrong("attributes".to_owned(), message.to_owned()));
    };
    let (username, password) = (named("USERNAME"), named("PASSWORD"));

    let hole = |key: &str| {
        Template::parse(&format!("{{{key}}}"))
            .map_err(|error: TemplateError| wrong(format!("attributes.{key}"), error.to_string()))
    };
    let mut headers = IndexMap::new();
    for (key, _) in &attributes {
        if *key != url && Some(key) != username.as_ref() && Some(key) != password.as_ref() {
            headers.insert(key.clone(), hole(key)?);
        }
    }
    let authentication = match (&username, &password) {
        (Some(username), Some(password)) => {
            Authentication::Basic(Basic { username: hole(username)?, password: hole(password)? })
        }
        _ => Authentication::None,
    };
    let base_url = hole(&url)?;
    let fields = attributes
        .into_iter()
        .map(|(key, attribute)| field(&url, key, attribute))
        .collect::<Result<_, _>>()?;
    let or_name = |text: String| if text.is_empty() { name.clone() } else { text };
    Ok(ConnectionType {
        display_name: or_name(contract.display_name),
        description: or_name(contract.description),
        plugin_name: or_name(contract.plugin_name),
        category: "custom".to_owned(),
        icon: None,
        documentation_url: String::new(),
        fields,
        allowed_hosts: AllowedHosts::Listed(vec![base_url.clone()]),
        verification: Some(Verification::Request(VerificationRequest::reaches(base_url.clone()))),
        base_url: Some(base_url),
        authentication,
        tls: None,
        headers,
        name,
    })
}

fn field(url: &str, key: String, attribute: ContractAttribute) -> Result<Field, LoadError> {
    let wrong = |part: &str, message: String| {
        LoadError::at("connection type", &format!("attributes.{key}.{part}"), message)
    };
    let input_type = match attribute.input_type.as_str() {
        _ if key == url => InputType::Url,
        _ if key.eq_ignore_ascii_case("PASSWORD") => InputType::Password,
        _ if !attribute.options.is_empty() => InputType::Select,
        "" => InputType::Text,
        other => InputType::from_name(other)
            .ok_or_else(|| wrong("input_type", format!("`{other}` is not a type of input")))?,
    };
    let pattern = Some(attribute.pattern).filter(|pattern| !pattern.is_empty());
    let pattern = pattern.map(Pattern::try_from).transpose().map_err(|error| wrong("pattern", error))?;
    let default = attribute.default_value.filter(|value| !value.is_null() && *value != "");
    Ok(Field {
        display_name: if attribute.display_name.is_empty() { key.clone() } else { attribute.display_name },
        description: attribute.description,
        input_type,
        required: attribute.required,
        secret: attribute.secret || input_type == InputType::Password,
        pattern,
        placeholder: Some(attribute.placeholder).filter(|text| !text.is_empty()),
        default,
        options: attribute.options,
        when: None,
        name: key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: serde_json::Value, expected: &str) {
        let read =
            ConnectionType::from_request(&body.to_string()).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(read.err().unwrap_or_default(), expected);
    }

    #[test]
    fn the_names_of_the_fields_say_what_they_are_for() {
        let body = serde_json::json!({"name": "acme", "oauth_supported": false, "tenant_id": "x", "attributes": {
            "X-Api-Key": {"index": 3, "input_type": "password", "required": true},
            "REQUEST_URL": {"index": 0, "input_type": "text", "field_type": 0, "required": true},
            "USERNAME": {"index": 1},
            "PASSWORD": {"index": 2, "default_value": ""},
        }});
        let kind = ConnectionType::from_request(&body.to_string()).unwrap();
        let names: Vec<&str> = kind.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["REQUEST_URL", "USERNAME", "PASSWORD", "X-Api-Key"]);
        assert!(kind.is_secret("PASSWORD") && kind.is_secret("X-Api-Key") && !kind.is_secret("USERNAME"));
        assert!(matches!(kind.authentication, Authentication::Basic(_)));
        assert_eq!(kind.headers["X-Api-Key"].source(), "{X-Api-Key}");
        assert_eq!(kind.target_fields().into_iter().collect::<Vec<_>>(), ["REQUEST_URL"]);
        let stored = serde_json::to_string(&kind).unwrap();
        assert_eq!(ConnectionType::from_request(&stored), Ok(kind));
    }

    #[test]
    fn what_cannot_be_a_type_says_why() {
        let url = serde_json::json!({"input_type": "url"});
        check(
            serde_json::json!({"name": "a"}),
            "`connection type`: `attributes`: there is no field `REQUEST_URL`, so it is not known where the credentials may go",
        );
        check(
            serde_json::json!({"name": "A b", "attributes": {"REQUEST_URL": url}}),
            "`connection type`: `name`: `A b` is not lower-case letters, digits, `-` and `_` (at most 64); `plugin_name`: `A b` is not lower-case letters, digits, `-` and `_` (at most 64)",
        );
        check(
            serde_json::json!({"name": "a", "attributes": {"REQUEST_URL": url, "X Y": {}}}),
            "`connection type`: `attributes.X Y`: `{X Y}` is not `{field}` or `{field.member}`",
        );
        check(
            serde_json::json!({"name": "a", "attributes": {"REQUEST_URL": url, "X": {"input_type": "magic"}}}),
            "`connection type`: `attributes.X.input_type`: `magic` is not a type of input",
        );
    }
}
