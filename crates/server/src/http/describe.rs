//! How a route appears in the API's description: operation id, tag, schemas of body and answers.

use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

/// A schema, and those it refers to, written down when the description is made.
#[derive(Clone, Copy)]
pub struct SchemaSource {
    /// The name under `components/schemas`; none for an inline schema.
    pub name: fn() -> Option<String>,
    /// The schema itself.
    pub schema: fn() -> RefOr<Schema>,
    /// The named schemas it refers to.
    pub referenced: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl std::fmt::Debug for SchemaSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SchemaSource({:?})", (self.name)())
    }
}

impl SchemaSource {
    const TEXT: Self =
        Self { name: || None, schema: <String as utoipa::PartialSchema>::schema, referenced: |_| {} };

    fn named<T: ToSchema>() -> Self {
        Self { name: || Some(T::name().into_owned()), schema: T::schema, referenced: T::schemas }
    }
}

/// The shape of a successful answer.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// A JSON string, such as an id.
    Text,
    /// No body.
    Empty,
    /// Any JSON.
    Any,
    /// One object.
    One(SchemaSource),
    /// A bare array.
    Array(SchemaSource),
    /// `{limit, offset, total, results: […]}`.
    Page(SchemaSource),
    /// Something that is not JSON, by its content type.
    Other(&'static str),
    /// A file, in one of these content types.
    File(&'static [&'static str]),
    /// SCIM's own JSON, with this status; none for an answer without a body.
    Scim(Option<u16>),
}

/// A parameter in the query.
#[derive(Clone, Copy, Debug)]
pub struct QueryParameter {
    /// Its name.
    pub name: &'static str,
    /// `string`, `boolean`, `integer`.
    pub kind: &'static str,
    /// For people.
    pub description: &'static str,
}

/// The description of one route.
#[derive(Clone, Debug)]
pub struct Describe {
    /// Unique among the operations.
    pub operation_id: &'static str,
    /// One of the contract's tags.
    pub tag: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What `{id}` in the path is.
    pub id_description: &'static str,
    /// The parameters in the query.
    pub query: Vec<QueryParameter>,
    /// The body.
    pub body: Option<SchemaSource>,
    /// The answer with status 200.
    pub answer: Answer,
    /// Other statuses that answer an ErrorWrapper, with what they mean here.
    pub errors: Vec<(u16, &'static str)>,
}

impl Describe {
    /// A route that answers any JSON and can fail with no status of its own.
    pub const fn new(operation_id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self {
            operation_id,
            tag,
            summary,
            id_description: "ID",
            query: Vec::new(),
            body: None,
            answer: Answer::Any,
            errors: Vec::new(),
        }
    }

    /// What `{id}` in the path is.
    #[must_use]
    pub const fn id(mut self, description: &'static str) -> Self {
        self.id_description = description;
        self
    }

    /// Takes the list query `q`.
    #[must_use]
    pub fn q(self) -> Self {
        self.query("q", "string", "JSON: limit, offset, filter, sort, select, search, ci")
    }

    /// Takes a query parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, kind: &'static str, description: &'static str) -> Self {
        self.query.push(QueryParameter { name, kind, description });
        self
    }

    /// Takes a JSON body.
    #[must_use]
    pub fn body<T: ToSchema>(mut self) -> Self {
        self.body = Some(SchemaSource::named::<T>());
        self
    }

    /// Answers one object.
    #[must_use]
    pub fn one<T: ToSchema>(mut self) -> Self {
        self.answer = Answer::One(SchemaSource::named::<T>());
        self
    }

    /// Answers a bare array.
    #[must_use]
    pub fn array<T: ToSchema>(mut self) -> Self {
        self.answer = Answer::Array(SchemaSource::named::<T>());
        self
    }

    /// Answers a page.
    #[must_use]
    pub fn page<T: ToSchema>(mut self) -> Self {
        self.answer = Answer::Page(SchemaSource::named::<T>());
        self
    }

    /// Answers a bare array of texts.
    #[must_use]
    pub const fn texts(mut self) -> Self {
        self.answer = Answer::Array(SchemaSource::TEXT);
        self
    }

    /// Answers a page of texts.
    #[must_use]
    pub const fn page_of_texts(mut self) -> Self {
        self.answer = Answer::Page(SchemaSource::TEXT);
        self
    }

    /// Answers a JSON string.
    #[must_use]
    pub const fn text(mut self) -> Self {
        self.answer = Answer::Text;
        self
    }

    /// Answers nothing.
    #[must_use]
    pub const fn empty(mut self) -> Self {
        self.answer = Answer::Empty;
        self
    }

    /// Answers something that is not JSON.
    #[must_use]
    pub const fn other(mut self, content_type: &'static str) -> Self {
        self.answer = Answer::Other(content_type);
        self
    }

    /// Answers a file of one of these content types.
    #[must_use]
    pub const fn file(mut self, content_types: &'static [&'static str]) -> Self {
        self.answer = Answer::File(content_types);
        self
    }

    /// Answers SCIM's JSON, also for errors, with this status; none for an answer without a body.
    #[must_use]
    pub const fn scim(mut self, status: Option<u16>) -> Self {
        self.answer = Answer::Scim(status);
        self
    }

    /// Can fail with this status.
    #[must_use]
    pub fn error(mut self, status: u16, meaning: &'static str) -> Self {
        self.errors.push((status, meaning));
        self
    }
}
