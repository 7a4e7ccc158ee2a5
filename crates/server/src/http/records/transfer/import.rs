//! A file into a table: each record that can be one is made, each that cannot is told. Batches are whole: one that was
//! answered for, or that a crash came behind, is there, and nothing of the next one.

use serde::Serialize;
use serde_json::{Map, Value};
use store::records::{self, Shape};
use store::tables::{FieldType, SYSTEM_FIELDS};
use utoipa::ToSchema;

use super::super::{named, operations, tables};
use super::rows::{Broken, Splitter};
use super::{Format, TransferQuery};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;
use crate::http::answer::json;
use crate::http::excerpt;
use crate::http::extract::Query;
use crate::http::incoming::Incoming;

/// Records that are written together.
const BATCH_RECORDS: usize = 1_000;
/// Bytes of a file that are written together, and one record more.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Refused records that a report tells; behind so many the import stops.
const REFUSED_MAX: usize = 1_000;

/// What became of a file.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = v1::ImportReport)]
pub(crate) struct ImportReport {
    /// Records that were made.
    pub(crate) imported: usize,
    /// Records that could not be.
    pub(crate) refused: usize,
    /// Whether the file was read to its end; it is not behind 1,000 refused records.
    pub(crate) is_complete: bool,
    /// Every refused record.
    pub(crate) rows: Vec<RefusedRow>,
}

/// A record that could not be made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::RefusedRow)]
pub(crate) struct RefusedRow {
    /// Its place in the file, from 1, the header not counted.
    pub(crate) row: usize,
    /// Why, by field; what is about all of it by an empty name.
    #[schema(value_type = Object)]
    pub(crate) errors: Map<String, Value>,
}

/// Makes the records of a file.
pub(in crate::http) async fn import(
    ctx: Ctx,
    Query(query): Query<TransferQuery>,
    mut incoming: Incoming,
) -> ApiResult {
    let format = Format::named(query.format.as_deref())?;
    if query.q.is_some() {
        return Err(ApiError::new(&code::PARAMETER_INVALID, "an import has no `q`"));
    }
    let shape = named(&ctx, ctx.param("table")).await?;
    let mut import = Import {
        ctx,
        format,
        shape,
        header: None,
        row: 0,
        batch: Vec::new(),
        bytes: 0,
        report: ImportReport::default(),
    };
    let done = import.read(&mut incoming).await;
    let report = import.report;
    match done {
        Ok(()) => json(&report),
        // What was made stays; whoever sends the rest must know how much that is.
        Err(error) => Err(error.with_data("imported", report.imported).with_data("refused", report.refused)),
    }
}

/// An import on its way.
struct Import {
    ctx: Ctx,
    format: Format,
    /// The table as it was at the beginning: how cells are read.
    shape: Shape,
    /// The columns of a CSV file, once they are known; none is left out where the file has it for people alone.
    header: Option<Vec<String>>,
    /// Records so far.
    row: usize,
    batch: Vec<(usize, Map<String, Value>)>,
    bytes: usize,
    report: ImportReport,
}

impl Import {
    async fn read(&mut self, incoming: &mut Incoming) -> ApiResult<()> {
        let mut splitter = Splitter::new(self.format);
        while let Some(part) = incoming.next().await? {
            for record in splitter.push(&part).map_err(broken)? {
                if !self.take(&record).await? {
                    return Ok(());
                }
            }
        }
        if let Some(record) = splitter.finish().map_err(broken)? {
            self.take(&record).await?;
        }
        self.write().await?;
        self.report.is_complete = self.report.rows.len() < REFUSED_MAX;
        Ok(())
    }

    /// Takes a record; false when it is to stop.
    async fn take(&mut self, record: &[u8]) -> ApiResult<bool> {
        if self.format == Format::Csv && self.header.is_none() {
            self.header = Some(self.columns(record)?);
            return Ok(true);
        }
        self.row += 1;
        match self.members(record) {
            Ok(members) => self.batch.push((self.row, members)),
            Err(why) => self.refuse(self.row, Map::from_iter([(String::new(), why.into())])),
        }
        self.bytes += record.len();
        if self.batch.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES {
            self.write().await?;
        }
        if self.report.rows.len() < REFUSED_MAX {
            return Ok(true);
        }
        self.write().await?;
        Ok(false)
    }

    /// The columns that a header names, each a field of the table.
    fn columns(&self, header: &[u8]) -> ApiResult<Vec<String>> {
        let refused = |message: String| ApiError::new(&code::IMPORT_INVALID, message);
        let header = header.strip_prefix("\u{feff}".as_bytes()).unwrap_or(header);
        let names = cells(header).map_err(|why| refused(format!("the header {why}")))?;
        let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
        for (index, name) in names.iter().enumerate() {
            let is_known = SYSTEM_FIELDS.contains(&name.as_str()) || self.shape.field(name).is_some();
            if !is_known {
                let table = &self.shape.table.name;
                return Err(refused(format!(
                    "the column `{}` is no field of table `{table}`",
                    excerpt(name)
                )));
            }
            if names.iter().take(index).any(|other| other == name) {
                return Err(refused(format!("the column `{name}` is there twice")));
            }
        }
        Ok(names)
    }

    /// A record as a caller would write it. What every table has is left out: the record is a new one.
    fn members(&self, record: &[u8]) -> Result<Map<String, Value>, String> {
        let mut members = match &self.header {
            None => {
                let read: Result<Map<String, Value>, _> = serde_json::from_slice(record);
                read.map_err(|error| format!("is no JSON object: {error}"))?
            }
            Some(header) => {
                let cells = cells(record)?;
                if cells.len() != header.len() {
                    return Err(format!("has {} cells, and the header {}", cells.len(), header.len()));
                }
                let full = header.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
                full.map(|(name, cell)| (name.clone(), self.value(name, cell))).collect()
            }
        };
        members.retain(|name, _| !SYSTEM_FIELDS.contains(&name.as_str()));
        Ok(members)
    }

    /// A cell as a value: a list is written as JSON, anything else is read by its field.
    fn value(&self, name: &str, cell: String) -> Value {
        let is_text = self
            .shape
            .field(name)
            .is_none_or(|field| matches!(field.field_type, FieldType::Text | FieldType::LongText));
        if !is_text
            && cell.starts_with(['[', '{'])
            && let Ok(value) = serde_json::from_str(&cell)
        {
            return value;
        }
        cell.into()
    }

    /// Writes the batch, without what cannot be written.
    async fn write(&mut self) -> ApiResult<()> {
        self.bytes = 0;
        let mut batch = std::mem::take(&mut self.batch);
        while !batch.is_empty() {
            let bodies: Vec<Map<String, Value>> = batch.iter().map(|(_, members)| members.clone()).collect();
            let Err(error) = self.make(bodies).await else {
                self.report.imported += batch.len();
                return Ok(());
            };
            let refused = error.user_error("records").and_then(Value::as_object).cloned();
            let Some(refused) = refused.filter(|refused| !refused.is_empty()) else { return Err(error) };
            let mut left = Vec::with_capacity(batch.len());
            for (index, (row, members)) in batch.into_iter().enumerate() {
                match refused.get(&index.to_string()).and_then(Value::as_object) {
                    Some(errors) => self.refuse(row, errors.clone()),
                    None => left.push((row, members)),
                }
            }
            batch = left;
        }
        Ok(())
    }

    async fn make(&self, bodies: Vec<Map<String, Value>>) -> ApiResult<()> {
        let (ctx, name) = (self.ctx.clone(), self.shape.table.name.clone());
        self.ctx
            .db()
            .write(async move |tx| {
                let shape = records::shape_to_use(tx, ctx.workspace(), &name).await?;
                let shape = shape.ok_or_else(|| tables::not_found(&name))?;
                operations::create_all(&Hand::of_caller(&ctx), tx, &shape, &bodies).await?;
                Ok(())
            })
            .await
    }

    fn refuse(&mut self, row: usize, errors: Map<String, Value>) {
        self.report.refused += 1;
        self.report.rows.push(RefusedRow { row, errors });
    }
}

/// The cells of one CSV record.
fn cells(record: &[u8]) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(record);
    match reader.records().next() {
        Some(Ok(cells)) => Ok(cells.iter().map(str::to_owned).collect()),
        Some(Err(_)) => Err("is not UTF-8".to_owned()),
        None => Ok(Vec::new()),
    }
}

fn broken(Broken(why): Broken) -> ApiError {
    ApiError::new(&code::IMPORT_INVALID, format!("the file {why}"))
}
