//! What a connection type must satisfy beyond its shape, so that nothing is left to go wrong when a
//! connection of it is used: names, references, and that no secret can be sent somewhere unforeseen.

use super::hosts::HostPattern;
use super::load::Problem;
use super::{AllowedHosts, Authentication, ConnectionType, Field, InputType, Template, Verification};
use super::{attributes::check_value, templates::Place, templates::each_template};

/// Everything that is wrong with `kind`; empty if nothing is.
pub(super) fn check(kind: &ConnectionType) -> Vec<Problem> {
    let mut problems = Problems(Vec::new());
    check_texts(kind, &mut problems);
    for (index, field) in kind.fields.iter().enumerate() {
        check_field(kind, index, field, &mut problems);
    }
    each_template(kind, &mut |key, template, place| {
        check_template(kind, key, template, place, &mut problems)
    });
    check_hosts(kind, &mut problems);
    check_authentication(kind, &mut problems);
    check_verification(kind, &mut problems);
    problems.0
}

struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { key: key.into(), message: message.into() });
    }
}

fn check_texts(kind: &ConnectionType, problems: &mut Problems) {
    for (key, name) in
        [("name", &kind.name), ("plugin_name", &kind.plugin_name), ("category", &kind.category)]
    {
        if !is_name(name) || name.contains(|letter: char| letter.is_ascii_uppercase()) {
            problems
                .add(key, format!("`{name}` is not lower-case letters, digits, `-` and `_` (at most 64)"));
        }
    }
    for (key, text, chars_max) in [
        ("display_name", &kind.display_name, types::limits::NAME_CHARS_MAX),
        ("description", &kind.description, types::limits::DESCRIPTION_CHARS_MAX),
    ] {
        if text.is_empty() || text.chars().count() > chars_max {
            problems.add(key, format!("needs 1 to {chars_max} characters"));
        }
    }
    if !kind.documentation_url.is_empty() && !kind.documentation_url.starts_with("https://") {
        problems.add("documentation_url", format!("`{}` is not an https address", kind.documentation_url));
    }
    for name in kind.headers.keys() {
        if http::HeaderName::try_from(name.as_str()).is_err() {
            problems.add("headers", format!("`{name}` is not the name of a header"));
        }
    }
    if kind.fields.len() > types::limits::CONNECTION_ATTRIBUTES_MAX {
        problems.add("fields", format!("more than {} fields", types::limits::CONNECTION_ATTRIBUTES_MAX));
    }
}

fn is_name(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() <= 64 && text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(word)
}

fn check_field(kind: &ConnectionType, index: usize, field: &Field, problems: &mut Problems) {
    let key = |part: &str| format!("fields.{}.{part}", field.name);
    let earlier = kind.fields.get(..index).unwrap_or_default();
    if !is_name(&field.name) {
        problems.add(key("name"), "is not letters, digits, `-` and `_` (at most 64)");
    }
    if earlier.iter().any(|other| other.name == field.name) {
        problems.add(key("name"), "stands twice");
    }
    if field.display_name.is_empty() {
        problems.add(key("display_name"), "is empty");
    }
    let hidden = matches!(field.input_type, InputType::Password | InputType::Textarea);
    if field.input_type == InputType::Password && !field.secret {
        problems.add(key("secret"), "a password is a secret");
    }
    if field.secret && !hidden {
        problems.add(key("input_type"), "a secret is entered as `password` or `textarea`");
    }
    match (field.input_type == InputType::Select, field.options.is_empty()) {
        (true, true) => problems.add(key("options"), "a select field needs options"),
        (false, false) => problems.add(key("options"), "only a select field has options"),
        _ => {}
    }
    if let Some(default) = &field.default {
        if field.secret {
            problems.add(key("default"), "a secret has no default");
        } else if let Err(message) = check_value(field, default) {
            problems.add(key("default"), message);
        }
    }
    if let Some(when) = &field.when {
        let decides = earlier.iter().find(|other| other.name == when.field);
        if !decides.is_some_and(|other| other.when.is_none() && other.options.contains(&when.is)) {
            problems.add(
                key("when"),
                format!("no select field before it is called `{}` and offers `{}`", when.field, when.is),
            );
        }
    }
}

fn check_template(
    kind: &ConnectionType,
    key: &str,
    template: &Template,
    place: Place,
    problems: &mut Problems,
) {
    for name in template.fields() {
        let Some(field) = kind.field(name) else {
            problems.add(key, format!("there is no field `{name}`"));
            continue;
        };
        if place == Place::Value {
            continue;
        }
        // Who may change where requests go must not be able to smuggle more into it than a name.
        let bound = field.pattern.is_some()
            || matches!(field.input_type, InputType::Url | InputType::Select | InputType::Number);
        if field.secret {
            problems.add(key, format!("field `{name}` is secret, and addresses are not"));
        } else if !bound {
            problems.add(key, format!("field `{name}` decides where requests go: it needs a pattern, or the input type `url` or `select`"));
        }
    }
}

fn check_hosts(kind: &ConnectionType, problems: &mut Problems) {
    match &kind.allowed_hosts {
        AllowedHosts::Any if kind.fields.iter().any(|field| field.secret) => {
            problems.add("allowed_hosts", "a type with secret fields names the hosts they may go to");
        }
        AllowedHosts::Any => {}
        AllowedHosts::Listed(hosts) if hosts.is_empty() => {
            problems.add("allowed_hosts", "is empty, so a connection could not be used");
        }
        AllowedHosts::Listed(hosts) => {
            for host in hosts.iter().filter(|host| host.fields().next().is_none()) {
                if HostPattern::parse(host.source()).is_none() {
                    problems.add(
                        "allowed_hosts",
                        format!("`{}` is not a host, nor `*.` and a domain", host.source()),
                    );
                }
            }
        }
    }
}

fn check_authentication(kind: &ConnectionType, problems: &mut Problems) {
    if let Authentication::Choice(choice) = &kind.authentication {
        let options = kind.field(&choice.field).map(|field| field.options.as_slice()).unwrap_or_default();
        let same = options.len() == choice.schemes.len()
            && options.iter().all(|name| choice.schemes.contains_key(name));
        if !same {
            problems.add(
                "authentication.choice",
                format!("the options of field `{}` are not the schemes' names", choice.field),
            );
        }
    }
    if kind.tls.as_ref().is_some_and(|tls| tls.certificate.is_some() != tls.private_key.is_some()) {
        problems.add("tls", "a certificate needs its private key, and the key its certificate");
    }
    for scheme in kind.authentication.flatten() {
        match scheme {
            Authentication::Choice(_) => problems.add("authentication.choice", "a choice in a choice"),
            Authentication::Jwt(jwt) if jwt.lifetime_s == 0 || jwt.lifetime_s > 24 * 60 * 60 => {
                problems.add("authentication.jwt.lifetime_s", "is not between 1 and 86400");
            }
            _ => {}
        }
    }
}

fn check_verification(kind: &ConnectionType, problems: &mut Problems) {
    let gets_token = |scheme: &&Authentication| {
        matches!(
            scheme,
            Authentication::ClientCredentials(_) | Authentication::Jwt(super::Jwt { exchange: Some(_), .. })
        )
    };
    match &kind.verification {
        Some(Verification::Token) if !kind.authentication.flatten().iter().all(gets_token) => {
            problems.add("verification", "`token` proves nothing where the authentication gets no token");
        }
        Some(Verification::Request(request)) => {
            if http::Method::from_bytes(request.method.as_bytes()).is_err() {
                problems.add("verification.request.method", format!("`{}` is not a method", request.method));
            }
            for pointer in request.must_equal.keys().chain(&request.must_not_have) {
                if !pointer.starts_with('/') {
                    problems.add(
                        "verification.request",
                        format!("`{pointer}` is not a JSON pointer such as `/ok`"),
                    );
                }
            }
        }
        _ => {}
    }
}
