//! Routes of the files of records.

use http::Method;
use types::Permission::{RecordEdit, RecordView};

use crate::http::describe::Describe;
use crate::http::records;
use crate::http::routes::Access::Needs;
use crate::http::routes::Routes;

const TAG: &str = "Tables";
/// A record's id is a UUID, so that no other address of a table is one of these.
const PATH: &str = "/table/{table}/{id}/{field}/file";
const NO_RECORD: &str = "Cannot find the table, its field or the record";
const NO_FILE: &str = "Cannot find the table, its field, the record or a file there";

/// One file of a field of a record.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            PATH,
            records::file::get,
            Needs(RecordView),
            Describe::new("TableGetFile", TAG, "Gets the file of a record's field")
                .id("Record ID")
                .file(&["application/octet-stream"])
                .error(400, "The field holds no files")
                .error(404, NO_FILE),
        )
        .workspace(
            Method::PUT,
            PATH,
            records::file::put,
            Needs(RecordEdit),
            Describe::new("TablePutFile", TAG, "Puts the request's body into a record's field, as a file")
                .id("Record ID")
                .query("name", "string", "what the file is called")
                .one::<records::Attachment>()
                .error(400, "The file cannot be taken")
                .error(404, NO_RECORD)
                .error(413, "The file is too large"),
        )
        .workspace(
            Method::DELETE,
            PATH,
            records::file::delete,
            Needs(RecordEdit),
            Describe::new("TableDeleteFile", TAG, "Removes the file of a record's field")
                .id("Record ID")
                .text()
                .error(400, "The field holds no files")
                .error(404, NO_FILE),
        )
}
