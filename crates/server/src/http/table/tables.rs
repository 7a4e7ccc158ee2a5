//! Routes of tables and their fields.

use http::Method;
use types::Permission::{TableEdit, TableView};

use crate::http::describe::Describe;
use crate::http::routes::Access::Needs;
use crate::http::routes::Routes;
use crate::http::tables;

const TAG: &str = "Tables";
const NOT_FOUND: &str = "Cannot find the table";
const NO_FIELD: &str = "Cannot find the table or the field";

/// Tables and their fields.
pub(super) fn routes(routes: Routes) -> Routes {
    fields(whole(routes))
}

fn whole(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/tables",
            tables::list,
            Needs(TableView),
            Describe::new("TableFindAll", TAG, "Gets the tables")
                .q()
                .page::<tables::Table>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::POST,
            "/table",
            tables::create,
            Needs(TableEdit),
            Describe::new("TableCreate", TAG, "Creates a table with its fields")
                .body::<tables::TableInput>()
                .one::<tables::Made>()
                .error(400, "Cannot create the table"),
        )
        .workspace(
            Method::PUT,
            "/table/{table}",
            tables::update,
            Needs(TableEdit),
            Describe::new("TableUpdate", TAG, "Changes a table")
                .body::<tables::TableUpdate>()
                .one::<tables::Table>()
                .error(400, "Cannot change the table")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::DELETE,
            "/table/{table}",
            tables::delete,
            Needs(TableEdit),
            Describe::new("TableDelete", TAG, "Deletes a table with all its records")
                .text()
                .error(400, "Other tables refer to it")
                .error(404, NOT_FOUND),
        )
}

fn fields(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/table/{table}/fields",
            tables::list_fields,
            Needs(TableView),
            Describe::new("TableFieldFindAll", TAG, "Gets the fields of a table")
                .page::<tables::Field>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/table/{table}/fields",
            tables::add_field,
            Needs(TableEdit),
            Describe::new("TableFieldCreate", TAG, "Adds a field to a table")
                .body::<tables::FieldInput>()
                .one::<tables::Field>()
                .error(400, "Cannot add the field")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::PUT,
            "/table/{table}/fields/{field}",
            tables::update_field,
            Needs(TableEdit),
            Describe::new("TableFieldUpdate", TAG, "Changes a field; its attributes are replaced as a whole")
                .body::<tables::FieldInput>()
                .one::<tables::Field>()
                .error(400, "Cannot change the field")
                .error(404, NO_FIELD),
        )
        .workspace(
            Method::DELETE,
            "/table/{table}/fields/{field}",
            tables::delete_field,
            Needs(TableEdit),
            Describe::new("TableFieldDelete", TAG, "Removes a field with all its values")
                .text()
                .error(400, "The field is in every table")
                .error(404, NO_FIELD),
        )
}
