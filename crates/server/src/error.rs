//! What an API caller is told when something does not work.
//!
//! Every error answers the contract's `api_responses.ErrorWrapper`. A [`Code`] is one documented identifier
//! with its status; the list of all codes is the source of docs/reference/errors.md.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Seconds after which a caller who is told to come back may do so, if nothing says otherwise.
const RETRY_AFTER_S_DEFAULT: u64 = 1;

/// One documented kind of error.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The field `identifier`.
    pub identifier: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// When it happens and what to do, for the reference page.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident = $status:literal $identifier:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: Code = Code { identifier: $identifier, status: $status, meaning: $meaning };)*
        /// Every code, in the order of this file.
        pub const ALL: &[&Code] = &[$(&$name),*];
    };
}

/// The codes there are.
pub mod code {
    use super::Code;

    codes! {
        UNAUTHENTICATED = 401 "unauthenticated", "No valid API key in the header `BLINK-API-KEY`, and no session: none, unknown, revoked or ended.";
        SIGN_IN_REFUSED = 401 "sign_in_refused", "Address, password or code are not right, or the account is switched off; which of them is not told.";
        TOTP_REQUIRED = 401 "totp_required", "The password is right, and a code of the authenticator, or a recovery code, is needed too: send it as `totp`.";
        SIGN_IN_THROTTLED = 429 "sign_in_throttled", "Signing in has failed too often for this account or from this network; try again after `Retry-After` seconds.";
        PASSWORD_SIGN_IN_OFF = 403 "password_sign_in_off", "Nobody signs in with a password here; `GET /sign_in/methods` says how.";
        SSO_NOT_CONFIGURED = 404 "sso_not_configured", "The server has no provider of single sign-on: `sso.issuer` names none.";
        SSO_STATE_INVALID = 400 "sso_state_invalid", "What comes from the provider belongs to no sign-in that this browser has begun, or to one that is too old; begin again.";
        SSO_REFUSED = 401 "sso_refused", "The provider does not vouch for the person, or they may not enter; `message` says why as far as they may know, the audit log says all.";
        SSO_UNAVAILABLE = 503 "sso_unavailable", "The provider of single sign-on does not answer in time, or not as it must; the log and the audit log say what was wrong.";
        IDENTITY_NOT_FOUND = 404 "identity_not_found", "No provider knows the user.";
        CSRF_REFUSED = 403 "csrf_refused", "A request with the cookie of a session that may come from a page of somebody else: send the header `X-Nictate-CSRF: 1`.";
        SESSION_REQUIRED = 403 "session_required", "Only who has signed in may do this, not an API key.";
        SESSION_NOT_FOUND = 404 "session_not_found", "No session of that id belongs to the caller, or the request came with none.";
        PASSWORD_MUST_CHANGE = 403 "password_must_change", "Somebody else has set the password; choose another one by `PUT /user/password` before anything else.";
        PASSWORD_WRONG = 403 "password_wrong", "The caller's present password is another one, or there is none.";
        PASSWORD_REFUSED = 400 "password_refused", "The new password is too short, too long or too easy to guess; `message` says which.";
        PASSWORD_RESET_NOT_FOUND = 404 "password_reset_not_found", "The link to set a password is unknown, was used, has expired, or its user is switched off.";
        TOTP_ENABLED = 400 "totp_enabled", "The user has an authenticator already; remove it first.";
        TOTP_NOT_FOUND = 404 "totp_not_found", "The user has no authenticator, or none that waits to be confirmed.";
        TOTP_WRONG = 400 "totp_wrong", "The code is not the one that the authenticator shows now, or it was used before.";
        USER_NOT_FOUND = 404 "user_not_found", "No user of that id in the tenant.";
        FORBIDDEN = 403 "forbidden", "The key's user is a member of the workspace, but the role lacks the permission that `data.permission` names.";
        ROUTE_NOT_FOUND = 404 "route_not_found", "No such address; see openapi.json.";
        METHOD_NOT_ALLOWED = 405 "method_not_allowed", "The address exists, but not with this method.";
        WORKSPACE_NOT_FOUND = 404 "workspace_not_found", "No workspace of that id or name which the caller may see.";
        WORKSPACE_NAME_TAKEN = 400 "workspace_name_taken", "Another workspace of the tenant has that name already.";
        WORKSPACE_BUSY = 409 "workspace_busy", "Runs of the workspace have not ended; `data.executions` says how many. `?force=true` cancels them.";
        WORKSPACE_LAST = 400 "workspace_last", "The tenant's only workspace cannot be deleted.";
        WORKSPACE_LIMIT = 400 "workspace_limit", "The tenant has as many workspaces as one may have.";
        WORKSPACE_OWNER_LAST = 400 "workspace_owner_last", "A workspace keeps an owner who is active: make somebody else one first.";
        ENTITY_NOT_FOUND = 404 "entity_not_found", "The tenant has no such user or group, or the workspace no such member; `data.entities` names them.";
        ROLE_UNKNOWN = 400 "role_unknown", "No role has that name; `data.roles` names those there are.";
        CONNECTION_NOT_FOUND = 404 "connection_not_found", "No connection of that id in the workspace.";
        CONNECTION_TYPE_NOT_FOUND = 404 "connection_type_not_found", "No connection type of that id or name.";
        WORKFLOW_NOT_FOUND = 404 "workflow_not_found", "No workflow of that id in the workspace, or it has no published version yet.";
        ACTION_NOT_FOUND = 404 "action_not_found", "No action of that full name, or the workflow that it calls is not published, active and `on_demand`.";
        PACK_NOT_FOUND = 404 "pack_not_found", "No pack of that id in the workspace, of workflows or of agents.";
        AGENT_NOT_FOUND = 404 "agent_not_found", "No agent of that id in the workspace.";
        APP_NOT_FOUND = 404 "app_not_found", "No app of that id in the workspace.";
        APP_RESOURCE_NOT_FOUND = 404 "app_resource_not_found", "No resource of that id in the app.";
        EXECUTION_NOT_FOUND = 404 "execution_not_found", "No execution of that id in the workspace.";
        SHARED_NOT_FOUND = 404 "shared_not_found", "The workspace has nothing of that kind and id.";
        FILE_NOT_FOUND = 404 "file_not_found", "No file of that id was left by the execution.";
        ATTACHMENT_NOT_FOUND = 404 "attachment_not_found", "The field of the record holds no file.";
        RUNNER_GROUP_NOT_FOUND = 404 "runner_group_not_found", "No runner group of that id or name in the workspace.";
        RUNNER_NOT_FOUND = 404 "runner_not_found", "No runner of that id in the workspace.";
        TABLE_NOT_FOUND = 404 "table_not_found", "No table of that name in the workspace.";
        TABLE_FIELD_NOT_FOUND = 404 "table_field_not_found", "No field of that name in the table.";
        RECORD_NOT_FOUND = 404 "record_not_found", "No record of that id in the table; `data.ids` names those of many.";
        API_KEY_NOT_FOUND = 404 "api_key_not_found", "No API key of that id belongs to the caller.";
        USERS_UNKNOWN = 400 "users_unknown", "Some of the ids are no users of the tenant; `data.ids` names them. Nothing was changed.";
        GROUP_NOT_FOUND = 404 "group_not_found", "No group of that id in the tenant.";
        GROUPS_UNKNOWN = 400 "groups_unknown", "Some of the ids are no groups of the tenant; `data.ids` names them. Nothing was changed.";
        INVITE_NOT_FOUND = 404 "invite_not_found", "Invalid invitation id has been provided: no such invitation, or it has been accepted, renewed or withdrawn.";
        ROLE_NOT_FOUND = 404 "role_not_found", "The tenant has made no role of that id.";
        SERVICE_ACCOUNT_NOT_FOUND = 404 "service_account_not_found", "No service account of that id in the tenant.";
        BODY_INVALID = 400 "body_invalid", "The body is not the JSON that the route expects; `message` says where.";
        BODY_TOO_LARGE = 413 "body_too_large", "The body has more bytes than the route accepts.";
        BODY_TIMEOUT = 408 "body_timeout", "The body did not arrive in time.";
        QUERY_INVALID = 400 "query_invalid", "The parameter `q` is no JSON, or names an unknown field or operator.";
        PARAMETER_INVALID = 400 "parameter_invalid", "A query parameter has a value it cannot have.";
        PACKAGES_UNRESOLVED = 400 "packages_unresolved", "No versions of the Python packages that the workflow requires fit together; `message` says why.";
        CONNECTION_INVALID = 400 "connection_invalid", "Attributes or other members of the connection are missing, unknown or ill-formed; `user_error.fields` names each.";
        CONNECTION_NAME_TAKEN = 400 "connection_name_taken", "Another connection of the tenant has that name already.";
        CONNECTION_IN_USE = 400 "connection_in_use", "Workflows use the connection; `data.workflows` names them. `?force=true` deletes it all the same.";
        CONNECTION_TEST_FAILED = 400 "connection_test_failed", "The tool did not accept the connection; `message` says what it answered.";
        CONNECTION_TYPE_INVALID = 400 "connection_type_invalid", "The definition of the connection type cannot be used; `message` says why.";
        CONNECTION_TYPE_NAME_TAKEN = 400 "connection_type_name_taken", "A connection type of that name exists already.";
        CONNECTION_TYPE_IN_USE = 400 "connection_type_in_use", "Connections of that type exist, or the type ships with the server.";
        WORKFLOW_INVALID = 400 "workflow_invalid", "The workflow cannot be saved or published; `user_error.diagnostics` lists every problem with its place.";
        TRIGGER_INVALID = 400 "trigger_invalid", "A trigger of the workflow can never start it: its table is not there or has too many triggers, its filter does not fit, or the workflow needs inputs; `data.trigger` is its place from 0. Nothing was changed.";
        WORKFLOW_NAME_TAKEN = 400 "workflow_name_taken", "Another workflow of the workspace has that name already.";
        WORKFLOW_OUTDATED = 409 "workflow_outdated", "The text was made from a version that is no longer the newest of its branch: `data.branched_from` and `data.newest_version` say which; read the newest one, bring your changes into it, and save that.";
        WORKFLOW_INACTIVE = 400 "workflow_inactive", "The workflow is deactivated and cannot be run.";
        PACK_NAME_TAKEN = 400 "pack_name_taken", "Another pack of the workspace has that name already, in whatever letter case.";
        PACK_IN_USE = 400 "pack_in_use", "Workflows are in the pack; `data.workflows` names them. `?move_to=<pack>` puts them into another one.";
        PACK_LIMIT = 400 "pack_limit", "The workspace has as many packs as one may have.";
        AGENT_INVALID = 400 "agent_invalid", "A member of the agent cannot be so; `user_error.fields` names it.";
        AGENT_NAME_TAKEN = 400 "agent_name_taken", "Another agent of the workspace has that name already, in whatever letter case.";
        AGENT_LIMIT = 400 "agent_limit", "The workspace has as many agents as one may have.";
        APP_INVALID = 400 "app_invalid", "The app, or a resource of it, cannot be so; `user_error.fields` names the member.";
        APP_NAME_TAKEN = 400 "app_name_taken", "Another app of the workspace has that display name already.";
        APP_LIMIT = 400 "app_limit", "The workspace has as many apps as one may have, or the app as many resources.";
        APP_DATA_INVALID = 400 "app_data_invalid", "What the resource shows cannot be read from its table; `message` says why.";
        INPUTS_INVALID = 400 "inputs_invalid", "Inputs are missing or do not fit their definitions; `user_error.inputs` names each.";
        CONCURRENCY_KEY_INVALID = 400 "concurrency_key_invalid", "The workflow's `concurrency` key cannot be evaluated for these inputs, or is too long; `message` says why.";
        EXECUTION_NOT_RUNNING = 400 "execution_not_running", "Cannot cancel, pause, resume or complete the execution, it is not in a running state; `data.state` says in which.";
        EXECUTION_NOT_PAUSED = 400 "execution_not_paused", "The execution is not paused, so it cannot be resumed.";
        EXECUTION_NOT_ENDED = 400 "execution_not_ended", "Only an execution that has ended or is paused can be restarted; `data.state` says how it stands.";
        EXECUTION_IN_DOUBT = 400 "execution_in_doubt", "Nobody knows whether the steps that `data.steps` names have happened; say so by `/resolve`, or resume with other inputs for the step.";
        STEP_INVALID = 400 "step_invalid", "The execution does not stand at the step so that this could be decided of it, or more than one can be meant, which `data.steps` names.";
        EXECUTION_IMMUTABLE = 400 "execution_immutable", "A member of the run that cannot be changed; `data.member` names it.";
        EXECUTION_FAILED = 400 "execution_failed", "The synchronous run ended without success; `data` holds its id and state.";
        EXECUTION_STILL_RUNNING = 408 "execution_still_running", "The synchronous run did not end in the time given; it goes on, `data.execution_id` names it.";
        RUNNER_GROUP_NAME_TAKEN = 400 "runner_group_name_taken", "Another runner group of the workspace has that name already.";
        RUNNER_GROUP_IN_USE = 400 "runner_group_in_use", "Workflows or connections name the runner group, so it cannot be deleted or renamed; `data.workflows` and `data.connections` name them.";
        RUNNER_GROUP_IS_DEFAULT = 400 "runner_group_is_default", "The runner group is the workspace's default; make another one the default first.";
        RUNNER_GROUP_EMBEDDED = 400 "runner_group_embedded", "The group of the embedded runner cannot be renamed or deleted, and has no token.";
        RUNNER_GROUP_LIMIT = 400 "runner_group_limit", "The workspace has as many runner groups as one may have.";
        RUNNER_LINK_INVALID = 400 "runner_link_invalid", "The request of a runner is no websocket's, or has no half of a session key.";
        RUNNER_CONNECTED = 400 "runner_connected", "The runner is connected; only one that is not can be forgotten.";
        FETCHER_UNKNOWN = 400 "fetcher_unknown", "No fetcher has that name; `data.fetchers` names those there are.";
        IMPORT_INVALID = 400 "import_invalid", "The file cannot be read further; `data.imported` says how many records were made of it.";
        TABLE_INVALID = 400 "table_invalid", "The table or a field of it cannot be so; `user_error.fields` names the field.";
        TABLE_NAME_TAKEN = 400 "table_name_taken", "Another table of the workspace has that name already; the name follows from `display_name`.";
        TABLE_IN_USE = 400 "table_in_use", "Fields of other tables refer to the table; `data.fields` names them.";
        TABLE_LIMIT = 400 "table_limit", "The workspace has as many tables as one may have.";
        TABLE_FIELD_PROTECTED = 400 "table_field_protected", "The field is in every table and can be neither changed nor removed.";
        RECORD_INVALID = 400 "record_invalid", "A record cannot be so; `user_error.fields` names each field, of many records `user_error.records` by their places from 0.";
        RECORD_NOT_UNIQUE = 400 "record_not_unique", "A field is unique, and another record has the value; `user_error` names the field as in `record_invalid`.";
        RECORD_CHANGED = 409 "record_changed", "The record is not as of the `updated_at` that the request names: others have changed it since; `data.updated_at` says when. Read it again.";
        SQL_INVALID = 400 "sql_invalid", "The SQL is not one SELECT over tables of the workspace, or the database could not answer it; `message` says why.";
        SQL_TIMEOUT = 400 "sql_timeout", "The query takes longer than it may; ask for less.";
        ATTACHMENT_INVALID = 400 "attachment_invalid", "The file has a name or a content type that it cannot have, or the field holds no files; `message` says which.";
        ATTACHMENT_TOO_LARGE = 400 "attachment_too_large", "The file has more bytes than a step answers of a content; read it without, or over HTTP.";
        ATTACHMENT_LIMIT = 400 "attachment_limit", "The files of the workspace have as many bytes as they may; `data.bytes` and `data.bytes_max` say how many.";
        PAGE_TOO_LARGE = 400 "page_too_large", "The page would have more bytes than an answer may; ask for a smaller `limit`, or `select` fewer fields.";
        NAME_INVALID = 400 "name_invalid", "A name is missing, too long, or has characters it cannot have.";
        API_KEY_LIMIT = 400 "api_key_limit", "The user has as many API keys as one may have.";
        API_KEY_LAST = 400 "api_key_last", "The last API key of a user cannot be removed.";
        LAST_ADMIN = 400 "last_admin", "The user is the last active Admin of the tenant, who can be neither demoted, switched off nor deleted; make somebody else an Admin first.";
        TENANT_FIXED = 400 "tenant_fixed", "A user cannot be moved to another tenant: a server has one.";
        SHARE_INVALID = 400 "share_invalid", "It cannot be shared so; `message` says what stands in the way.";
        APP_NOT_PORTAL = 400 "app_not_portal", "The app is not for the portal yet: `PUT /apps/{id}/is_portal` makes it.";
        ROLE_INVALID = 400 "role_invalid", "A role cannot be so; `message` names what of it.";
        ROLE_NAME_TAKEN = 400 "role_name_taken", "Another role has that name already, one of the tenant's or a built-in one.";
        ROLE_IN_USE = 400 "role_in_use", "Somebody has the role; `data.holders` says how many.";
        ROLE_LIMIT = 400 "role_limit", "The tenant has as many roles of its own as one may have.";
        GROUP_NAME_TAKEN = 400 "group_name_taken", "Another group of the tenant has that name already.";
        GROUP_LIMIT = 400 "group_limit", "The tenant has as many groups as one may have.";
        USER_EXISTS = 400 "user_exists", "A user with that e-mail address exists already; `data.email` names it.";
        INVITE_INVALID = 400 "invite_invalid", "An e-mail address or role of an invitation cannot be so; nobody was invited.";
        INVITE_EXPIRED = 400 "invite_expired", "The invitation has expired; ask for another one.";
        INVITE_LIMIT = 400 "invite_limit", "The tenant has as many invitations as one may have; withdraw some first.";
        SERVICE_ACCOUNT_LIMIT = 400 "service_account_limit", "The tenant has as many service accounts as one may have.";
        USER_SETTING_LIMIT = 400 "user_setting_limit", "The user keeps as many settings as one may keep.";
        TENANT_SETTINGS_INVALID = 400 "tenant_settings_invalid", "A setting of the tenant cannot be so; `message` names it.";
        NOT_AVAILABLE_YET = 501 "not_available_yet", "The contract has this, this version of the server does not.";
        QUEUE_FULL = 429 "queue_full", "As many runs wait for their turn as may: those of the workspace or of the server, as `data.whose` says. Nothing was started; try again after `Retry-After` seconds.";
        OVERLOADED = 429 "overloaded", "There is no room at the moment: a restarted run finds no place, or too many answers follow runs already; try again after `Retry-After` seconds.";
        STORAGE_UNAVAILABLE = 503 "storage_unavailable", "The database, or where files lie, cannot be reached or is full; nothing was written.";
        PACKAGES_UNAVAILABLE = 503 "packages_unavailable", "The Python packages that the workflow requires cannot be looked up: there is no `uv`, no Python, or it took too long.";
        SHUTTING_DOWN = 503 "shutting_down", "The server is about to stop and takes nothing new.";
        INTERNAL = 500 "internal", "The server failed; the log has the details under the request id.";
    }
}

/// An error on its way to the caller. The inner cause, if any, is for the log alone.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Parts>);

// Behind a box, so that every `Result` on the way of an answer stays small.
#[derive(Debug)]
struct Parts {
    code: &'static Code,
    message: String,
    details: String,
    data: Map<String, Value>,
    user_error: Map<String, Value>,
    cause: Option<String>,
    retry_after_s: u64,
}

/// What the log is to learn of an answer that the server could not give. It travels beside the answer, to where
/// the request's id is known.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Which error the caller was told.
    pub(crate) identifier: &'static str,
    /// What the caller was not told.
    pub(crate) cause: Option<String>,
}

/// The answer of a handler.
pub(crate) type ApiResult<T = Response> = Result<T, ApiError>;

impl ApiError {
    /// An error with a message written for the caller.
    pub(crate) fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            message: message.into(),
            details: String::new(),
            data: Map::new(),
            user_error: Map::new(),
            cause: None,
            retry_after_s: RETRY_AFTER_S_DEFAULT,
        }))
    }

    /// An inner failure: the caller learns nothing but the request id, the log gets `cause`.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        Self::new(&code::INTERNAL, "the server failed to answer").with_cause(cause)
    }

    /// Adds what the log is told, and the caller is not.
    pub(crate) fn with_cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Adds the field `details`.
    #[must_use]
    pub(crate) fn with_details(mut self, details: impl Into<String>) -> Self {
        self.0.details = details.into();
        self
    }

    /// Adds a member of `data`: facts a program can use.
    #[must_use]
    pub(crate) fn with_data(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.data.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a member of `user_error`: what the user can fix.
    #[must_use]
    pub(crate) fn with_user_error(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.user_error.insert(name.to_owned(), value.into());
        self
    }

    /// What the caller is told about their own input, by that name.
    pub(crate) fn user_error(&self, name: &str) -> Option<&Value> {
        self.0.user_error.get(name)
    }

    /// The kind of error.
    pub(crate) fn code(&self) -> &'static Code {
        self.0.code
    }

    /// Sets the seconds after which a caller who is told to come back may do so.
    #[must_use]
    pub(crate) fn with_retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = seconds;
        self
    }

    /// What the caller is told.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// What the log is told, if the failure is the server's own.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
}

impl From<store::StoreError> for ApiError {
    fn from(error: store::StoreError) -> Self {
        if error.is_unavailable() {
            let message = "the database cannot be reached or is full; nothing was written";
            return Self::new(&code::STORAGE_UNAVAILABLE, message).with_cause(error);
        }
        Self::internal(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Parts { code: kind, message, details, data, user_error, cause, retry_after_s } = *self.0;
        let status = StatusCode::from_u16(kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({
            "data": data,
            "details": details,
            "identifier": kind.identifier,
            "message": message,
            "status": kind.status,
            "user_error": user_error,
        });
        let mut response = (status, body.to_string()).into_response();
        if status.is_server_error() && *kind != code::NOT_AVAILABLE_YET {
            response.extensions_mut().insert(Failure { identifier: kind.identifier, cause });
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        response
    }
}

// The wire form, for the API's description. The contract's model has none, so this is no doc comment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = api_responses::ErrorWrapper)]
#[allow(missing_docs)]
pub(crate) struct ErrorWrapper {
    #[schema(value_type = Object)]
    pub data: Value,
    pub details: String,
    pub identifier: String,
    pub message: String,
    #[schema(example = 404)]
    pub status: i64,
    #[schema(value_type = Object)]
    pub user_error: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_unique_and_meanings_are_sentences() {
        let mut seen = std::collections::BTreeSet::new();
        for code in code::ALL {
            assert!(seen.insert(code.identifier), "`{}` twice", code.identifier);
            assert!(code.meaning.ends_with('.'), "`{}`", code.identifier);
            assert!((400..600).contains(&code.status), "`{}`", code.identifier);
        }
    }

    fn source_of(folder: &std::path::Path) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            text += &if path.is_dir() { source_of(&path) } else { std::fs::read_to_string(&path).unwrap() };
        }
        text
    }

    #[test]
    fn every_code_is_told_by_something() {
        let source = source_of(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let told: std::collections::BTreeSet<&str> = source
            .split("code::")
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_ascii_uppercase() && c != '_').next().unwrap_or_default())
            .collect();
        for code in code::ALL {
            assert!(told.contains(code.identifier.to_uppercase().as_str()), "`{}`", code.identifier);
        }
    }
}
