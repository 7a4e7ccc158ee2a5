//! Routes of records.

use http::Method;
use types::Permission::{RecordEdit, RecordView};

use crate::http::describe::Describe;
use crate::http::records;
use crate::http::routes::Access::Needs;
use crate::http::routes::Routes;

const TAG: &str = "Tables";
const NO_TABLE: &str = "Cannot find the table";
const NO_RECORD: &str = "Cannot find the table or the record";
const HISTORY_Q: &str =
    "JSON: limit, offset, filter, sort, select, search, ci; over id, record_id, kind, at, by, execution_id";
const CHANGED: &str = "Others have changed a record since the `updated_at` that the request names";

/// Records, one and many at a time.
pub(super) fn routes(routes: Routes) -> Routes {
    told(transfer(many(changes(reads(routes)))))
}

fn told(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/tables/sql",
            records::sql,
            Needs(RecordView),
            Describe::new("TableSql", TAG, "Answers a query in SQL over the tables of the workspace")
                .body::<records::Sql>()
                .page::<records::Record>()
                .error(400, "Cannot answer the query"),
        )
        .workspace(
            Method::GET,
            "/table/{table}/history",
            records::history_of_table,
            Needs(RecordView),
            Describe::new("TableGetHistory", TAG, "What has become of the records of a table, for 90 days")
                .query("q", "string", HISTORY_Q)
                .page::<records::RecordChange>()
                .error(400, "Cannot read the query")
                .error(404, NO_TABLE),
        )
        .workspace(
            Method::GET,
            "/table/{table}/{id}/history",
            records::history,
            Needs(RecordView),
            Describe::new("TableGetRecordHistory", TAG, "What has become of a record, for 90 days")
                .id("Record ID")
                .query("q", "string", HISTORY_Q)
                .page::<records::RecordChange>()
                .error(400, "Cannot read the query")
                .error(404, NO_RECORD),
        )
}

fn transfer(routes: Routes) -> Routes {
    let formats = "csv (with a header), json (an array) or jsonl; csv if it is absent";
    routes
        .workspace(
            Method::GET,
            "/table/{table}/export",
            records::export,
            Needs(RecordView),
            Describe::new("TableExportRecords", TAG, "Every record that a query finds, as a file")
                .query("format", "string", formats)
                .query("q", "string", "JSON: filter, sort, select, search, ci")
                .file(&["text/csv", "application/json", "application/x-ndjson"])
                .error(400, "Cannot read the query")
                .error(404, NO_TABLE),
        )
        .workspace(
            Method::POST,
            "/table/{table}/import",
            records::import,
            Needs(RecordEdit),
            Describe::new(
                "TableImportRecords",
                TAG,
                "Creates the records of a file, and tells which it could not",
            )
            .query("format", "string", formats)
            .one::<records::ImportReport>()
            .error(400, "Cannot read the file")
            .error(404, NO_TABLE),
        )
}

fn reads(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/table/{table}",
            records::list,
            Needs(RecordView),
            Describe::new("TableFindRecord", TAG, "Gets the records of a table")
                .query(
                    "q",
                    "string",
                    "JSON: limit, offset, filter, sort, select, search, ci; cursor in place of offset, empty at first",
                )
                .page::<records::Record>()
                .error(400, "Cannot read the query")
                .error(404, NO_TABLE),
        )
        .workspace(
            Method::GET,
            "/table/{table}/{id}",
            records::get,
            Needs(RecordView),
            Describe::new("TableGetRecord", TAG, "Gets a record")
                .id("Record ID")
                .one::<records::Record>()
                .error(404, NO_RECORD),
        )
}

fn changes(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/table/{table}",
            records::create,
            Needs(RecordEdit),
            Describe::new("TableCreateRecord", TAG, "Creates a record; answers its ID")
                .body::<records::Record>()
                .text()
                .error(400, "Can not create Record")
                .error(404, NO_TABLE),
        )
        .workspace(
            Method::PUT,
            "/table/{table}/{id}",
            records::update,
            Needs(RecordEdit),
            Describe::new("TableUpdateRecord", TAG, "Changes the fields of a record that the body names")
                .id("Record ID")
                .query("replace", "boolean", "whether the fields that the body does not name become empty")
                .body::<records::Record>()
                .text()
                .error(400, "Can not update record")
                .error(404, NO_RECORD)
                .error(409, CHANGED),
        )
        .workspace(
            Method::DELETE,
            "/table/{table}/{id}",
            records::delete,
            Needs(RecordEdit),
            Describe::new("TableDeleteRecord", TAG, "Deletes a record")
                .id("Record ID")
                .text()
                .error(404, NO_RECORD),
        )
}

fn many(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/table/{table}/records",
            records::create_many,
            Needs(RecordEdit),
            Describe::new("TableCreateRecords", TAG, "Creates up to 10,000 records, all or none")
                .body::<records::NewRecords>()
                .one::<records::Ids>()
                .error(400, "Cannot create the records")
                .error(404, NO_TABLE),
        )
        .workspace(
            Method::PUT,
            "/table/{table}/records",
            records::update_many,
            Needs(RecordEdit),
            Describe::new("TableUpdateRecords", TAG, "Changes up to 10,000 records, all or none")
                .body::<records::ChangedRecords>()
                .one::<records::Ids>()
                .error(400, "Cannot change the records")
                .error(404, NO_RECORD)
                .error(409, CHANGED),
        )
        .workspace(
            Method::POST,
            "/table/{table}/records/upsert",
            records::upsert_many,
            Needs(RecordEdit),
            Describe::new(
                "TableUpsertRecords",
                TAG,
                "Creates records, or changes those that have the same unique value",
            )
            .body::<records::UpsertedRecords>()
            .one::<records::Upserts>()
            .error(400, "Cannot write the records")
            .error(404, NO_TABLE)
            .error(409, CHANGED),
        )
        .workspace(
            Method::POST,
            "/table/{table}/records/delete",
            records::delete_many,
            Needs(RecordEdit),
            Describe::new(
                "TableDeleteRecords",
                TAG,
                "Deletes records by ID or by filter, up to 10,000 a call",
            )
            .body::<records::DeletedRecords>()
            .one::<records::Deleted>()
            .error(400, "Cannot read which records to delete")
            .error(404, NO_TABLE),
        )
}
