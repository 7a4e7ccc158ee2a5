//! What is asked of resources, and how they are answered: filtered, sorted, a page of them, and with the attributes that
//! were asked for.

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::filter::{Attribute, Filter, member};
use super::refusal::{Refusal, SCIM_JSON};
use crate::http::excerpt;

/// Resources in one page.
pub(super) const COUNT_MAX: usize = 200;
/// What every resource is answered with.
const ALWAYS: [&str; 2] = ["id", "schemas"];

/// The parameters of a list, and those of one resource among them.
#[derive(Deserialize)]
pub(in crate::http) struct Asked {
    filter: Option<String>,
    #[serde(rename = "startIndex")]
    start_index: Option<String>,
    count: Option<String>,
    #[serde(rename = "sortBy")]
    sort_by: Option<String>,
    #[serde(rename = "sortOrder")]
    sort_order: Option<String>,
    attributes: Option<String>,
    #[serde(rename = "excludedAttributes")]
    excluded_attributes: Option<String>,
}

impl Asked {
    /// Whether the attribute is answered.
    pub(super) fn wants(&self, attribute: &str) -> bool {
        let names = |list: &Option<String>, name: &str| {
            list.as_deref().unwrap_or_default().split(',').any(|one| {
                let one = one.trim().rsplit(':').next().unwrap_or_default();
                one.split('.').next().is_some_and(|one| one.eq_ignore_ascii_case(name))
            })
        };
        let is_filtered = self
            .filter
            .as_deref()
            .is_some_and(|filter| filter.to_ascii_lowercase().contains(&attribute.to_ascii_lowercase()));
        let is_asked =
            self.attributes.as_deref().is_none_or(str::is_empty) || names(&self.attributes, attribute);
        ALWAYS.contains(&attribute)
            || is_filtered
            || (is_asked && !names(&self.excluded_attributes, attribute))
    }

    /// The resource with the attributes that were asked for.
    pub(super) fn projected(&self, mut resource: Value) -> Value {
        if let Value::Object(members) = &mut resource {
            members.retain(|name, _| self.wants(name));
        }
        resource
    }

    /// The page of those of the resources that were asked for; `is_known` says what can be filtered and sorted by.
    pub(super) fn page(
        &self,
        mut resources: Vec<Value>,
        is_known: fn(&Attribute) -> bool,
    ) -> Result<Response, Refusal> {
        let filter = self.filter.as_deref().filter(|text| !text.trim().is_empty());
        let filter = filter.map(|text| Filter::parse(text, is_known)).transpose()?;
        let start = number("startIndex", self.start_index.as_deref(), 1)?.max(1);
        let count = number("count", self.count.as_deref(), COUNT_MAX)?.min(COUNT_MAX);
        resources.retain(|resource| filter.as_ref().is_none_or(|filter| filter.holds(resource)));
        self.sort(&mut resources, is_known)?;
        let total = resources.len();
        let page = resources.into_iter().skip(start - 1).take(count);
        let page: Vec<Value> = page.map(|resource| self.projected(resource)).collect();
        Ok(answer(StatusCode::OK, &list_of(&page, total, start)))
    }

    fn sort(&self, resources: &mut [Value], is_known: fn(&Attribute) -> bool) -> Result<(), Refusal> {
        let Some(named) = self.sort_by.as_deref().filter(|named| !named.is_empty()) else { return Ok(()) };
        let attribute = Attribute::read(named);
        if !is_known(&attribute) {
            return Err(Refusal::value(format!("`sortBy` is `{}`, no attribute to sort by", excerpt(named))));
        }
        // The first value of several stands for all; whoever has none comes last.
        let key = |resource: &Value| {
            let first = attribute.values_in(resource).into_iter().next().filter(|value| !value.is_null());
            let shown = first.map(|value| member(value, "value").unwrap_or(value));
            let text = shown.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_lowercase));
            (text.is_none(), text)
        };
        resources.sort_by_cached_key(key);
        match self.sort_order.as_deref() {
            None | Some("" | "ascending") => {}
            Some("descending") => resources.reverse(),
            Some(other) => {
                let message =
                    format!("`sortOrder` is `{}`; it can be ascending or descending", excerpt(other));
                return Err(Refusal::value(message));
            }
        }
        Ok(())
    }
}

/// A SCIM answer.
pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(axum::body::Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, SCIM_JSON);
    response
}

/// A new resource, with its address.
pub(super) fn created(body: &Value) -> Response {
    let mut response = answer(StatusCode::CREATED, body);
    let location = body["meta"]["location"].as_str().and_then(|location| location.parse().ok());
    if let Some(location) = location {
        response.headers_mut().insert(http::header::LOCATION, location);
    }
    response
}

/// Nothing, for what is gone.
pub(super) fn nothing() -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A page of resources.
pub(super) fn list_of(resources: &[Value], total: usize, start: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total, "startIndex": start, "itemsPerPage": resources.len(), "Resources": resources,
    })
}

/// A number of the query; one below zero counts as zero.
fn number(name: &str, text: Option<&str>, default: usize) -> Result<usize, Refusal> {
    let Some(text) = text else { return Ok(default) };
    let read: Result<i64, _> = text.parse();
    let number = read.map_err(|_| Refusal::value(format!("`{name}` is `{}`, no number", excerpt(text))))?;
    Ok(usize::try_from(number.max(0)).unwrap_or(usize::MAX))
}
