//! Tables in and out as files: CSV with a header, a JSON array, JSON lines. Both ways a part at a time: neither a file nor
//! a table is ever in memory as a whole.

mod export;
mod import;
mod rows;

use serde::Deserialize;

use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;
pub(in crate::http) use export::export;
pub(crate) use import::ImportReport;
pub(in crate::http) use import::import;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// RFC 4180, with a header.
    Csv,
    /// One array of objects.
    Json,
    /// An object a line.
    Jsonl,
}

impl Format {
    const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Jsonl];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Jsonl => "application/x-ndjson",
        }
    }

    fn named(name: Option<&str>) -> ApiResult<Self> {
        let name = name.unwrap_or("csv");
        Self::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| {
            let message = format!("`format` is `{}`; it can be csv, json or jsonl", excerpt(name));
            ApiError::new(&code::PARAMETER_INVALID, message)
        })
    }
}

/// The parameters of both ways.
#[derive(Debug, Deserialize)]
pub(crate) struct TransferQuery {
    format: Option<String>,
    q: Option<String>,
}
