//! Who is in a workspace: users and groups, each with a role. A user's role is the strongest of their own and their
//! groups'.

use store::audit::AuditEntry;
use store::custom_roles::RoleScope;
use store::members::{self, EntityType};
use store::{StoreError, Tx};
use types::{Assigned, Role, TenantId, WorkspaceId};

use super::model::{EntitiesInput, EntityInput, UsersInput};
use super::not_found;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::empty;
use crate::http::excerpt;
use crate::http::extract::Body;
use crate::http::people::authority;
use crate::identity::Roles;

/// Users and groups that one call may add.
const ENTITIES_MAX: usize = 1_000;

/// A user or group with the role it is to have.
#[derive(Clone)]
struct Member {
    entity_type: EntityType,
    id: String,
    role: Assigned<Role>,
}

impl Member {
    fn new(input: &EntityInput) -> ApiResult<Self> {
        let role = input.role.as_deref().map_or_else(|| Role::Viewer.into(), Assigned::named);
        Ok(Self { entity_type: entity_type_of(&input.entity_type)?, id: input.entity_id.clone(), role })
    }

    fn name(&self) -> String {
        format!("{} {}", self.entity_type.as_str(), excerpt(&self.id))
    }
}

/// Makes users and groups members, all of them or none.
pub(in crate::http) async fn add(ctx: Ctx, Body(input): Body<EntitiesInput>) -> ApiResult {
    let members = input.entities.iter().map(Member::new).collect::<ApiResult<Vec<_>>>()?;
    add_members(ctx, members).await
}

/// The same for users alone.
pub(in crate::http) async fn add_users(ctx: Ctx, Body(input): Body<UsersInput>) -> ApiResult {
    let member = |id: String| Member { entity_type: EntityType::User, id, role: Role::Viewer.into() };
    add_members(ctx, input.users.into_iter().map(member).collect()).await
}

async fn add_members(ctx: Ctx, members: Vec<Member>) -> ApiResult {
    if members.is_empty() || members.len() > ENTITIES_MAX {
        let message =
            format!("the body names {} users and groups; 1 to {ENTITIES_MAX} can be added", members.len());
        return Err(ApiError::new(&code::BODY_INVALID, message));
    }
    let audits = members.iter().map(|member| audit(&ctx, "workspace.member_set", member)).collect();
    carry_out(ctx, Change::Add(members), audits).await
}

/// Gives a member another role.
pub(in crate::http) async fn set_role(ctx: Ctx) -> ApiResult {
    let member = of_path(&ctx, Assigned::named(ctx.param("role")))?;
    let audits = vec![audit(&ctx, "workspace.member_set", &member)];
    carry_out(ctx, Change::SetRole(member), audits).await
}

/// Ends a membership.
pub(in crate::http) async fn remove(ctx: Ctx) -> ApiResult {
    let member = of_path(&ctx, Role::Viewer.into())?;
    let audits = vec![audit(&ctx, "workspace.member_removed", &member)];
    carry_out(ctx, Change::Remove(member), audits).await
}

/// A change of who is in a workspace.
enum Change {
    Add(Vec<Member>),
    SetRole(Member),
    Remove(Member),
}

/// Carries out a change, unless nobody would own the workspace then. Changes of one workspace wait for each other: two
/// owners cannot remove each other at once.
async fn carry_out(ctx: Ctx, change: Change, audits: Vec<AuditEntry>) -> ApiResult {
    let (tenant, workspace) = (ctx.tenant(), ctx.workspace());
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    db.write(async move |tx| {
        if !store::workspaces::lock(tx, tenant, workspace).await? {
            return Err(not_found());
        }
        store::users::lock_people(tx, tenant).await?;
        let roles = Roles::of_tenant(tx, tenant).await?;
        change.check(&ctx, tx, &roles).await?;
        let had_owner = members::owners(tx, workspace).await? > 0;
        change.apply(tx, tenant, workspace).await?;
        // One that has none, for its owners were switched off, can be helped by the tenant's Admins alone.
        if had_owner && members::owners(tx, workspace).await? == 0 {
            let message = "nobody would own the workspace: make somebody else an owner first";
            return Err(ApiError::new(&code::WORKSPACE_OWNER_LAST, message));
        }
        Ok(store::audit::record_many(tx, &audits).await?)
    })
    .await?;
    app.identity().forget_callers();
    empty()
}

impl Change {
    /// Refuses roles that there are not, and a caller who would give or take more than they may do themselves.
    async fn check(&self, ctx: &Ctx, tx: &Tx<'_>, roles: &Roles) -> ApiResult<()> {
        let members = match self {
            Self::Add(members) => members.as_slice(),
            Self::SetRole(member) => std::slice::from_ref(member),
            Self::Remove(_) => &[],
        };
        for member in members {
            check_role(roles, &member.role)?;
        }
        if authority::is_admin(ctx) {
            return Ok(());
        }
        let own = authority::permissions_in(ctx, ctx.workspace());
        let may_decide = |role: &Assigned<Role>| {
            let what = format!("the role `{}`", role.as_str());
            authority::require(own, roles.in_workspace(std::slice::from_ref(role)), &what)
        };
        members.iter().try_for_each(|member| may_decide(&member.role))?;
        let before = members::entities(tx, ctx.workspace()).await?;
        before.iter().filter(|entity| self.is_about(entity)).try_for_each(|entity| may_decide(&entity.role))
    }

    fn is_about(&self, entity: &members::Entity) -> bool {
        let is_it = |member: &Member| (entity.entity_type, &entity.id) == (member.entity_type, &member.id);
        match self {
            Self::Add(members) => members.iter().any(is_it),
            Self::SetRole(member) | Self::Remove(member) => is_it(member),
        }
    }

    async fn apply(&self, tx: &Tx<'_>, tenant: TenantId, workspace: WorkspaceId) -> ApiResult<()> {
        match self {
            Self::Add(members) => {
                let mut unknown = Vec::new();
                for member in members {
                    if !members::is_of_tenant(tx, tenant, member.entity_type, &member.id).await? {
                        unknown.push(member.name());
                    }
                }
                if !unknown.is_empty() {
                    return Err(unknown_entities(&unknown));
                }
                for member in members {
                    set(tx, workspace, member).await?;
                }
                Ok(())
            }
            Self::SetRole(member) => {
                let entities = members::entities(tx, workspace).await?;
                if !entities.iter().any(|entity| self.is_about(entity)) {
                    return Err(unknown_entities(&[member.name()]));
                }
                set(tx, workspace, member).await
            }
            Self::Remove(member) => {
                if end(tx, workspace, member).await? {
                    Ok(())
                } else {
                    Err(unknown_entities(&[member.name()]))
                }
            }
        }
    }
}

/// Ends the membership; false if there is none.
async fn end(tx: &Tx<'_>, workspace: WorkspaceId, member: &Member) -> ApiResult<bool> {
    Ok(match (member.entity_type, member.id.parse::<uuid::Uuid>()) {
        (_, Err(_)) => false,
        (EntityType::User, Ok(id)) => members::remove(tx, workspace, id.into()).await?,
        (EntityType::Group, Ok(id)) => members::remove_group(tx, workspace, id.into()).await?,
    })
}

async fn set(tx: &Tx<'_>, workspace: WorkspaceId, member: &Member) -> ApiResult<()> {
    let stored = match (member.entity_type, member.id.parse::<uuid::Uuid>()) {
        (_, Err(_)) => Err(StoreError::Reference),
        (EntityType::User, Ok(id)) => members::set(tx, workspace, id.into(), &member.role).await,
        (EntityType::Group, Ok(id)) => members::set_group(tx, workspace, id.into(), &member.role).await,
    };
    stored.map_err(|error| match error {
        // It has gone since it was looked for.
        StoreError::Reference => unknown_entities(&[member.name()]),
        other => other.into(),
    })
}

fn of_path(ctx: &Ctx, role: Assigned<Role>) -> ApiResult<Member> {
    let entity_type = entity_type_of(ctx.param("entity_type"))?;
    Ok(Member { entity_type, id: ctx.param("entity_id").to_owned(), role })
}

fn check_role(roles: &Roles, role: &Assigned<Role>) -> ApiResult<()> {
    let Assigned::Custom(name) = role else { return Ok(()) };
    let own = roles.names(RoleScope::Workspace);
    if own.contains(&name.as_str()) {
        return Ok(());
    }
    let known = [Role::ALL.map(Role::as_str).as_slice(), &own].concat();
    let message =
        format!("there is no role `{}` in workspaces; there are {}", excerpt(name), known.join(", "));
    Err(ApiError::new(&code::ROLE_UNKNOWN, message).with_data("roles", known))
}

fn entity_type_of(name: &str) -> ApiResult<EntityType> {
    EntityType::from_name(name).ok_or_else(|| {
        let message = format!("`entity_type` is `{}`; it can be `user` or `group`", excerpt(name));
        ApiError::new(&code::PARAMETER_INVALID, message)
    })
}

fn unknown_entities(names: &[String]) -> ApiError {
    let message = format!("there is no {}", names.join(", no "));
    ApiError::new(&code::ENTITY_NOT_FOUND, message).with_data("entities", names)
}

fn audit(ctx: &Ctx, action: &str, member: &Member) -> AuditEntry {
    let entry = ctx.audit(action, member.entity_type.as_str(), &member.id, "");
    crate::audit::also(entry, serde_json::json!({"role": member.role.as_str()}))
}
