//! The example of the first run: stores a workflow file, makes the connection to this very server that the
//! examples use, runs the workflow once and says how it went. Goes the ways that a caller of the API goes.

use std::sync::Arc;
use std::time::Duration;

use secrets::Secret;
use store::connections::Connection;
use store::users::UserStatus;
use store::workflow_versions::Branch;
use types::{ExecutionId, SystemRng, TenantRole};

use crate::App;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult};
use crate::http::{
    ConnectionInput, ExecuteInput, add_connection, apply_workflow, change_connection, hint_of, start_run,
};

/// The connection that the examples use: to this server's own API.
const CONNECTION: &str = "nictate";
/// How long the example may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the example went.
#[derive(Debug)]
pub struct ExampleRun {
    /// The workflow's name.
    pub workflow: String,
    /// The run.
    pub execution: ExecutionId,
    /// `Completed`, or how far it is otherwise.
    pub state: &'static str,
    /// Its outputs as JSON.
    pub outputs: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Runs the workflow `text` as the first admin. The server must be serving: the example calls it.
///
/// # Errors
/// In words for the log, if the workflow cannot be stored or started.
pub async fn run_example(app: &App, text: String) -> Result<ExampleRun, String> {
    run(app, text).await.map_err(|error| error.cause().unwrap_or(error.message()).to_owned())
}

async fn run(app: &App, text: String) -> ApiResult<ExampleRun> {
    let ctx = admin_context(app).await?;
    connect_to_itself(&ctx).await?;
    let row = apply_workflow(&ctx, text).await?;
    let workflow = row.name.clone();
    let document =
        store::workflow_versions::latest(ctx.db(), row.workspace_id, row.id, Branch::Public).await?;
    let document = document.ok_or_else(|| ApiError::internal("the example was not published"))?;
    let id = start_run(&ctx, row, document, ExecuteInput::default()).await?;
    app.driver().wait(id, PATIENCE).await;
    let full = store::executions::get(ctx.db(), ctx.workspace(), id).await?;
    let full = full.ok_or_else(|| ApiError::internal("the example's run is gone"))?;
    Ok(ExampleRun {
        workflow,
        execution: id,
        state: full.execution.state.public_name(),
        outputs: full.outputs,
        error: full.execution.error_message,
    })
}

async fn admin_context(app: &App) -> ApiResult<Ctx> {
    let no_admin = || ApiError::internal("there is no active admin");
    let tenant = store::tenants::first(app.db()).await?.ok_or_else(no_admin)?;
    let users = store::users::list(app.db(), tenant.id).await?;
    let admin = users
        .into_iter()
        .find(|user| user.tenant_role == TenantRole::Admin && user.status == UserStatus::Active);
    let principal = app.identity().principal(&admin.ok_or_else(no_admin)?).await?;
    let workspace = principal.default_workspace;
    Ok(Ctx::new(app.clone(), Arc::new(principal), workspace, Arc::new([])))
}

/// Makes the connection, or tells it where the server listens now.
async fn connect_to_itself(ctx: &Ctx) -> ApiResult<()> {
    let url = ctx.app().public_url();
    let Some(row) = store::connections::get_by_name(ctx.db(), ctx.tenant(), CONNECTION).await? else {
        let key = add_key(ctx).await?;
        let input = ConnectionInput {
            name: Some(CONNECTION.to_owned()),
            type_name: Some(CONNECTION.to_owned()),
            description: Some("This server's own API, for the examples".to_owned()),
            ..attributes(url, &key)
        };
        add_connection(ctx, input).await?;
        return Ok(());
    };
    if row.workspace_id != ctx.workspace() || base_url(&row).as_deref() == Some(url) {
        return Ok(());
    }
    let secrets = ctx.app().vault().open(&row).await.map_err(ApiError::internal)?;
    if let Some(key) = secrets.get("api_key") {
        change_connection(ctx, &row.id.to_string(), attributes(url, key)).await?;
    }
    Ok(())
}

fn attributes(url: &str, key: &Secret<String>) -> ConnectionInput {
    let attributes = serde_json::json!({"base_url": {"value": url}, "api_key": {"value": key.expose()}});
    ConnectionInput { attributes: attributes.as_object().cloned(), ..ConnectionInput::default() }
}

fn base_url(row: &Connection) -> Option<String> {
    let attributes: serde_json::Value = serde_json::from_str(&row.attributes).ok()?;
    Some(attributes.pointer("/base_url/value")?.as_str()?.to_owned())
}

/// A key of the admin's for the connection alone, so that it can be revoked alone.
async fn add_key(ctx: &Ctx) -> ApiResult<Secret<String>> {
    let key = secrets::generate_api_key(&mut SystemRng);
    let row = store::api_keys::ApiKey {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        user_id: ctx.user(),
        name: format!("connection `{CONNECTION}`"),
        description: "Made for the connection that the examples use".to_owned(),
        hint: hint_of(key.expose()),
        created_at: ctx.now(),
        last_used_at: None,
        revoked_at: None,
    };
    let hash = ctx.app().identity().hash(key.expose());
    let audit = ctx.audit("api_key.created", "api_key", &row.id.to_string(), &row.name);
    ctx.db()
        .write(async move |tx| {
            store::api_keys::insert(tx, &row, &hash).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    Ok(key)
}
