//! From a document's text to stored rows: reads it, says every problem, saves the version.

use std::sync::Arc;

use serde_json::{Value, json};
use store::runner_groups::stored_name;
use store::workflow_versions::{self, Branch, Named, NamedConnection, WorkflowVersion};
use store::workflows::{self, NAME_KEY, Workflow as Row};
use store::{StoreError, Tx};
use types::{PackId, Requirement};
use workflow::plan::Plan;
use workflow::{AutomationType, Diagnostic, Document, Severity, codes};

use super::model::PlaybookInput;
use super::record_triggers::Declared;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::names::{check_name, check_tags};
use crate::http::packs::{self, read_pack};
use crate::package_locks::LockError;

/// How good a document must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// It can be read: an editor saves what is not finished.
    Draft,
    /// It can be run.
    Publish,
}

/// How a new workflow is made.
#[derive(Clone, Copy)]
pub(super) struct NewWorkflow {
    strictness: Strictness,
    /// Whether it is active if its maker does not say.
    active: bool,
}

impl NewWorkflow {
    /// As an editor makes one: it goes live by being published.
    pub(super) const DRAFT: Self = Self { strictness: Strictness::Draft, active: true };
    /// As the command line of the contract makes one, which leaves `active` out where it is false.
    pub(super) const PUBLISHED: Self = Self { strictness: Strictness::Publish, active: false };
}

/// A document that has been read.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) hash: String,
    pub(super) name: Option<String>,
    pub(super) named: Named,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The lists of Python packages that its steps require.
    requirements: Vec<Arc<[Requirement]>>,
    description: String,
    automation_type: &'static str,
    kind: String,
    version: String,
    runner: String,
    tags: String,
    record_triggers: Declared,
}

impl Text {
    /// Reads a document.
    ///
    /// # Errors
    /// `workflow_invalid` with every diagnostic when it is not good enough; to publish it, those of the Python packages
    /// that its steps require.
    pub(super) async fn read(ctx: &Ctx, text: &str, strictness: Strictness) -> ApiResult<Self> {
        let parsed = workflow::parse(text);
        let (document, mut diagnostics) = (parsed.document, parsed.diagnostics);
        let Some(document) = document else { return Err(invalid(&diagnostics)) };
        refuse_zeros(text, &document)?;
        let unreadable = diagnostics.iter().any(stands_in_the_way);
        // Checked all the same: its author is told every problem at once.
        // A new workflow has no id yet: nothing can call it.
        let mut groups = store::runner_groups::names(ctx.db(), ctx.workspace()).await?;
        groups.extend(store::shares::runner_group_names(ctx.db(), ctx.workspace()).await?);
        groups.push(store::runner_groups::EMBEDDED_ALIAS.to_owned());
        let catalog = ctx.app().action_catalog(ctx.tenant()).await?.of(ctx.id_text().parse().ok());
        let agents = store::agents::callable(ctx.db(), ctx.workspace()).await?;
        let agents = agents.into_iter().map(|agent| agent.id).collect();
        let catalog = catalog.with_runner_groups(groups).with_agents(agents);
        diagnostics.extend(workflow::check(&document, &catalog));
        diagnostics.sort_by_key(|diagnostic| (diagnostic.span.line, diagnostic.span.column));
        if unreadable || (strictness == Strictness::Publish && has_errors(&diagnostics)) {
            return Err(invalid(&diagnostics));
        }
        let connections = document.connections().into_iter().map(|(type_name, name)| NamedConnection {
            type_name: type_name.to_owned(),
            name: name.to_owned(),
        });
        let read = Self {
            text: text.to_owned(),
            hash: document.hash().to_owned(),
            name: document.name().map(str::to_owned),
            named: Named {
                connections: connections.collect(),
                runner_groups: document
                    .runner_groups()
                    .into_iter()
                    .map(stored_name)
                    .map(str::to_owned)
                    .collect(),
            },
            diagnostics,
            requirements: document.requirements(),
            description: document.description().unwrap_or_default().to_owned(),
            automation_type: match document.automation_type() {
                AutomationType::OnDemand => "on_demand",
                AutomationType::Scheduled => "scheduled",
                AutomationType::Event => "event",
            },
            kind: document.kind().unwrap_or("Flow").to_owned(),
            version: document.version().unwrap_or_default().to_owned(),
            runner: document.runner().to_owned(),
            tags: json!(document.tags()).to_string(),
            record_triggers: Declared::of(&document),
        };
        // Whatever way it is published: before anything of it is written.
        if strictness == Strictness::Publish {
            read.lock_packages(ctx).await?;
        }
        Ok(read)
    }

    /// Resolves the Python packages that its steps require, if that was not done for this text before.
    ///
    /// # Errors
    /// `packages_unresolved` if there are none that fit, `packages_unavailable` if they cannot be looked up.
    async fn lock_packages(&self, ctx: &Ctx) -> ApiResult<()> {
        for requirements in &self.requirements {
            let locks = ctx.app().package_locks();
            let locked = locks.lock(ctx.workspace(), &self.hash, requirements, ctx.app().clock()).await;
            locked.map_err(|error| match error {
                LockError::Store(error) => error.into(),
                error if error.is_of_requirements() => {
                    ApiError::new(&code::PACKAGES_UNRESOLVED, error.to_string())
                }
                error => ApiError::new(&code::PACKAGES_UNAVAILABLE, error.to_string()),
            })?;
        }
        Ok(())
    }

    /// Lays what the document says of the workflow over its row.
    pub(super) fn describe(&self, row: &mut Row) {
        row.description.clone_from(&self.description);
        row.automation_type = self.automation_type.to_owned();
        row.kind.clone_from(&self.kind);
        row.version.clone_from(&self.version);
        row.runner.clone_from(&self.runner);
    }
}

/// The plan of a document, or why it cannot be run.
pub(crate) fn compile(text: &str, catalog: &dyn workflow::Catalog) -> ApiResult<Plan> {
    let (plan, diagnostics) = workflow::compile(text, catalog);
    plan.ok_or_else(|| invalid(&diagnostics))
}

/// The hash and the plan of a document that is to run without being saved.
pub(crate) async fn compile_unsaved(ctx: &Ctx, text: &str) -> ApiResult<(String, Plan)> {
    let read = Text::read(ctx, text, Strictness::Draft).await?;
    let plan = compile(text, &ctx.app().action_catalog(ctx.tenant()).await?)?;
    Ok((read.hash, plan))
}

/// No text that is stored may hold a zero character, whether it is written out or as an escape.
fn refuse_zeros(text: &str, document: &Document) -> ApiResult<()> {
    let named = document.connections().into_iter().flat_map(|(type_name, name)| [type_name, name]);
    let own =
        [Some(text), document.description(), document.kind(), document.version(), Some(document.runner())];
    if own.into_iter().flatten().chain(named).any(|text| text.contains('\0')) {
        return Err(ApiError::new(&code::WORKFLOW_INVALID, "the workflow holds a zero character"));
    }
    Ok(())
}

/// Even of a draft. What is wrong inside an expression is not: it may be finished later, as a runner group may be made.
fn stands_in_the_way(diagnostic: &Diagnostic) -> bool {
    const LATER: [&str; 4] =
        [codes::EXPRESSION_SYNTAX, codes::UNKNOWN_STEP, codes::UNKNOWN_INPUT, codes::UNKNOWN_RUNNER_GROUP];
    diagnostic.severity == Severity::Error && !LATER.contains(&diagnostic.code)
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

fn invalid(diagnostics: &[Diagnostic]) -> ApiError {
    let errors: Vec<&Diagnostic> =
        diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
    let first = errors.first().map_or_else(String::new, |first| {
        format!("line {}, column {}: {}", first.span.line, first.span.column, first.message)
    });
    let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
    ApiError::new(&code::WORKFLOW_INVALID, format!("the workflow has problems: {first}{more}"))
        .with_user_error("diagnostics", json!(diagnostics))
}

/// A new workflow, ready to be stored.
pub(super) struct Work {
    text: Text,
    row: Row,
}

impl Work {
    /// Reads what a caller says of a new workflow.
    pub(super) async fn read(ctx: &Ctx, input: &PlaybookInput, new: NewWorkflow) -> ApiResult<Self> {
        let text = Text::read(ctx, input.playbook.as_deref().unwrap_or_default(), new.strictness).await?;
        let name = check_name("workflow", input.name.as_deref().or(text.name.as_deref()))?;
        check_tags(input.tags.as_deref())?;
        let (now, user) = (ctx.now(), ctx.user().to_string());
        let mut row = Row {
            id: ctx.new_id(),
            tenant_id: ctx.tenant(),
            workspace_id: ctx.workspace(),
            name,
            description: String::new(),
            automation_type: String::new(),
            active: input.active.unwrap_or(new.active),
            pack_id: read_pack(input.pack_id.as_deref())?,
            tags: input.tags.as_ref().map_or_else(|| text.tags.clone(), |tags| json!(tags).to_string()),
            kind: String::new(),
            version: String::new(),
            runner: String::new(),
            draft_version: 0,
            published_version: None,
            row_version: 1,
            created_at: now,
            created_by: user.clone(),
            updated_at: now,
            updated_by: user,
        };
        text.describe(&mut row);
        Ok(Self { text, row })
    }

    /// Stores it with its first draft, and as published, if it is to be.
    pub(super) async fn create(self, ctx: &Ctx, publish: bool) -> ApiResult<Row> {
        let Self { text, mut row } = self;
        row.draft_version = 1;
        row.published_version = publish.then_some(1);
        let mut stored = row.clone();
        let audit = ctx.audit("workflow.created", "workflow", &row.id.to_string(), &row.name);
        let audit = crate::audit::made(audit, &audited(&row));
        let (db, ctx) = (ctx.db(), ctx.clone());
        let pack = db
            .write(async move |tx| {
                let pack = packs::to_use(&ctx, tx, row.pack_id).await?;
                let row = Row { pack_id: Some(pack), ..row.clone() };
                workflows::insert(tx, &row).await.map_err(|error| name_taken(error, &row.name))?;
                save(tx, &row, &text, Branch::Draft, row.draft_version, &Origin::default()).await?;
                if let Some(version) = row.published_version {
                    save(tx, &row, &text, Branch::Public, version, &Origin::default()).await?;
                }
                store::audit::record(tx, &audit).await?;
                Ok::<_, ApiError>(pack)
            })
            .await?;
        stored.pack_id = Some(pack);
        Ok(stored)
    }
}

/// The row with what the body names; a document becomes draft and published version.
pub(super) fn changed_row(
    ctx: &Ctx,
    mut row: Row,
    input: &PlaybookInput,
    text: Option<&Text>,
) -> ApiResult<Row> {
    if input.name.is_some() {
        row.name = check_name("workflow", input.name.as_deref())?;
    }
    if let Some(pack) = read_pack(input.pack_id.as_deref())? {
        row.pack_id = Some(pack);
    }
    row.active = input.active.unwrap_or(false);
    check_tags(input.tags.as_deref())?;
    if let Some(tags) = &input.tags {
        row.tags = json!(tags).to_string();
    }
    if let Some(text) = text {
        text.describe(&mut row);
        row.draft_version += 1;
        row.published_version = Some(row.published_version.unwrap_or(0) + 1);
    }
    touch(ctx, &mut row);
    Ok(row)
}

/// Stores the changed row with its new document, if there is one; none if somebody else changed it first. `pack` is the
/// one that it goes into now, if it does.
pub(super) async fn update(
    ctx: &Ctx,
    (before, row): (&Row, Row),
    text: Option<Text>,
    pack: Option<PackId>,
) -> ApiResult<Option<Row>> {
    let mut stored = row.clone();
    let audit = ctx.audit("workflow.updated", "workflow", &row.id.to_string(), &row.name);
    let audit = crate::audit::changed(audit, &audited(before), &audited(&row));
    let audit = match &text {
        Some(text) => crate::audit::also(audit, json!({"document_hash": text.hash})),
        None => audit,
    };
    // A table may have gone, or come back, while it was switched off.
    let woken = match &text {
        None if row.active && !before.active => Some(Declared::of_published(ctx, &row).await?),
        _ => None,
    };
    let (db, ctx) = (ctx.db(), ctx.clone());
    let written = db.write(async move |tx| {
        if pack.is_some() {
            packs::to_use(&ctx, tx, pack).await?;
        }
        if !workflows::update(tx, &row).await.map_err(|error| name_taken(error, &row.name))? {
            return Ok(false);
        }
        if let Some(text) = &text {
            save(tx, &row, text, Branch::Draft, row.draft_version, &Origin::default()).await?;
            let published = row.published_version.unwrap_or(1);
            save(tx, &row, text, Branch::Public, published, &Origin::default()).await?;
        }
        if let Some(woken) = &woken {
            woken.register(tx, &row).await?;
        }
        store::audit::record(tx, &audit).await?;
        Ok::<_, ApiError>(true)
    });
    if !written.await? {
        return Ok(None);
    }
    stored.row_version += 1;
    Ok(Some(stored))
}

/// The workflow as the audit log shows it: what is kept beside its documents, which are versions of their own.
pub(super) fn audited(row: &Row) -> Value {
    json!({
        "name": row.name,
        "description": row.description,
        "active": row.active,
        "automation_type": row.automation_type,
        "pack_id": row.pack_id,
        "tags": serde_json::from_str::<Value>(&row.tags).unwrap_or_default(),
        "type": row.kind,
        "draft_version": row.draft_version,
        "published_version": row.published_version,
    })
}

/// Marks the row as changed now, by the caller.
pub(super) fn touch(ctx: &Ctx, row: &mut Row) {
    row.updated_at = ctx.now();
    row.updated_by = ctx.user().to_string();
}

/// Where a version comes from.
pub(super) struct Origin {
    /// As the author says: `manual`, as a rule.
    pub(super) source: String,
    /// The version the author began from.
    pub(super) branched_from: Option<i64>,
}

impl Default for Origin {
    fn default() -> Self {
        Self { source: "manual".to_owned(), branched_from: None }
    }
}

/// Saves one version of the row's workflow.
pub(super) async fn save(
    tx: &Tx<'_>,
    row: &Row,
    text: &Text,
    branch: Branch,
    version: i64,
    origin: &Origin,
) -> ApiResult<()> {
    let version = version_of(row, text, branch, version, origin);
    workflow_versions::insert(tx, &version, &text.text, &text.named).await?;
    if branch == Branch::Public {
        text.record_triggers.register(tx, row).await?;
    }
    Ok(())
}

fn version_of(row: &Row, text: &Text, branch: Branch, version: i64, origin: &Origin) -> WorkflowVersion {
    WorkflowVersion {
        workflow_id: row.id,
        workspace_id: row.workspace_id,
        branch,
        version,
        hash: text.hash.clone(),
        branched_from: origin.branched_from,
        source: origin.source.clone(),
        created_at: row.updated_at,
        created_by: row.updated_by.clone(),
    }
}

/// A second workflow of the same name is the caller's to fix.
pub(super) fn name_taken(error: StoreError, name: &str) -> ApiError {
    match error {
        StoreError::Duplicate { key } if key == NAME_KEY => {
            let message = format!("a workflow `{name}` exists already; names are unique in the workspace");
            ApiError::new(&code::WORKFLOW_NAME_TAKEN, message)
        }
        other => other.into(),
    }
}
