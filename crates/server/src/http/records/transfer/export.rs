//! A table as a file, sent while it is read.

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderValue, header};
use serde_json::{Map, Value};
use store::records::{self, ListError, Shape};
use store::tables::SYSTEM_FIELDS;

use super::super::model::Record;
use super::super::{named, operations, parse_q};
use super::{Format, TransferQuery};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::broken_off;
use crate::http::extract::Query;

/// Records that are read at a time, unless they are so large that fewer are.
const PAGE_RECORDS: u64 = 500;
/// What an export has no use for: it is all of what the rest asks for.
const PAGING: [&str; 3] = ["limit", "offset", "cursor"];

/// The records that `q` asks for, all of them, as a file.
pub(in crate::http) async fn export(ctx: Ctx, Query(query): Query<TransferQuery>) -> ApiResult {
    let format = Format::named(query.format.as_deref())?;
    let table = ctx.param("table").to_owned();
    let asked = asked(query.q.as_deref())?;
    let mut export = Export { ctx, table, format, asked, columns: Vec::new(), next: Next::First };
    // What cannot be read at all is an error, not a file that breaks off.
    let first = export.page().await?;
    let name =
        HeaderValue::try_from(format!("attachment; filename=\"{}.{}\"", export.table, format.as_str()));
    let rest = futures_util::stream::try_unfold(export, async |mut export| {
        if matches!(export.next, Next::Nothing) {
            return Ok(None);
        }
        let page = export.page().await.map_err(|error| broken_off("the export of a table", error))?;
        Ok::<_, std::io::Error>(Some((page, export)))
    });
    let first = futures_util::stream::once(async { Ok(first) });
    let mut response = Response::new(Body::from_stream(futures_util::StreamExt::chain(first, rest)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    // A table's name is plain letters, digits and `_`, or it has none in a header.
    if let Ok(name) = name {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// The members of `q`, without paging.
fn asked(q: Option<&str>) -> ApiResult<Map<String, Value>> {
    let refused = |message: String| ApiError::new(&code::QUERY_INVALID, message);
    let Some(text) = q.filter(|text| !text.trim().is_empty()) else { return Ok(Map::new()) };
    let asked: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| refused(format!("`q` is no JSON object: {error}")))?;
    match PAGING.into_iter().find(|name| asked.contains_key(*name)) {
        Some(name) => Err(refused(format!("an export has no `{name}`: it is every record that `q` finds"))),
        None => Ok(asked),
    }
}

/// An export on its way.
struct Export {
    ctx: Ctx,
    table: String,
    format: Format,
    asked: Map<String, Value>,
    /// What is in the file, in its order; known with the first page.
    columns: Vec<String>,
    next: Next,
}

/// What is to be read next.
enum Next {
    First,
    After(String),
    Nothing,
}

impl Export {
    /// The next part of the file.
    async fn page(&mut self) -> ApiResult<Bytes> {
        let is_first = matches!(self.next, Next::First);
        let (shape, records, cursor) = self.read().await?;
        if is_first {
            self.columns = self.columns_of(&shape);
        } else if self.columns != self.columns_of(&shape) {
            let message = format!("the fields of table `{}` were changed while it was exported", self.table);
            return Err(ApiError::new(&code::TABLE_INVALID, message));
        }
        self.next = cursor.map_or(Next::Nothing, Next::After);
        self.written(&records, is_first)
    }

    /// A page of records. One that would be too large is read as several.
    async fn read(&self) -> ApiResult<(Shape, Vec<Map<String, Value>>, Option<String>)> {
        let mut limit = PAGE_RECORDS;
        loop {
            let mut asked = self.asked.clone();
            let cursor = match &self.next {
                Next::After(cursor) => cursor.as_str(),
                Next::First | Next::Nothing => "",
            };
            asked.insert("cursor".to_owned(), cursor.into());
            asked.insert("limit".to_owned(), limit.into());
            let q = Value::Object(asked).to_string();
            let shape = named(&self.ctx, &self.table).await?.reach(self.ctx.db(), Some(&q)).await?;
            let query = parse_q(&shape, Some(&q))?;
            match records::list(self.ctx.db(), &shape, &query).await {
                Ok(listed) => {
                    let rows = listed.page.rows.into_iter();
                    let rows = rows.map(|row| Record::new(row, &shape, Some(&query)).0).collect();
                    return Ok((shape, rows, listed.cursor));
                }
                Err(ListError::TooLarge) if limit > 1 => limit /= 2,
                Err(error) => return Err(operations::refused(error)),
            }
        }
    }

    /// Those that `q` selects, or all.
    fn columns_of(&self, shape: &Shape) -> Vec<String> {
        let selected = self.asked.get("select").and_then(Value::as_array);
        let is_wanted =
            |name: &str| selected.is_none_or(|names| names.is_empty() || names.iter().any(|one| one == name));
        let fields = shape.fields.iter().map(|field| field.name.as_str());
        SYSTEM_FIELDS.into_iter().chain(fields).filter(|name| is_wanted(name)).map(str::to_owned).collect()
    }

    fn written(&self, records: &[Map<String, Value>], is_first: bool) -> ApiResult<Bytes> {
        let is_last = matches!(self.next, Next::Nothing);
        let mut part = Vec::new();
        match self.format {
            Format::Csv => return self.as_csv(records, is_first),
            Format::Jsonl => {
                for record in records {
                    serde_json::to_writer(&mut part, record).map_err(ApiError::internal)?;
                    part.push(b'\n');
                }
            }
            Format::Json => {
                if is_first {
                    part.push(b'[');
                }
                for (index, record) in records.iter().enumerate() {
                    let between: &[u8] = if is_first && index == 0 { b"\n" } else { b",\n" };
                    part.extend_from_slice(between);
                    serde_json::to_writer(&mut part, record).map_err(ApiError::internal)?;
                }
                if is_last {
                    part.extend_from_slice(b"\n]\n");
                }
            }
        }
        Ok(part.into())
    }

    fn as_csv(&self, records: &[Map<String, Value>], with_header: bool) -> ApiResult<Bytes> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        if with_header {
            writer.write_record(&self.columns).map_err(ApiError::internal)?;
        }
        for record in records {
            let cells = self.columns.iter().map(|name| cell(record.get(name)));
            writer.write_record(cells).map_err(ApiError::internal)?;
        }
        Ok(writer.into_inner().map_err(ApiError::internal)?.into())
    }
}

/// A value as a cell: a text as it is, what is empty as nothing, anything else as JSON.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
