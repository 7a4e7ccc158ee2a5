//! Tenants, users, workspaces, members and API keys.

use store::api_keys::{self, ApiKey};
use store::testing::{NOW, each_database, query, seed};
use store::users::{self, UserStatus};
use store::{StoreError, members, tenants, workspaces};
use types::{ApiKeyId, Role, Timestamp, UserId};

const LATER: Timestamp = Timestamp::from_millis(NOW.as_millis() + 1000);

#[tokio::test]
async fn a_key_tells_all_that_a_request_must_know_of_its_caller() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let key = ApiKey {
            id: ApiKeyId::of_name("k"),
            tenant_id: seeded.tenant,
            user_id: seeded.builder,
            name: "laptop".to_owned(),
            description: String::new(),
            hint: "nk_abc".to_owned(),
            created_at: NOW,
            last_used_at: None,
            revoked_at: None,
        };
        let row = key.clone();
        db.write(async move |tx| api_keys::insert(tx, &row, "hash").await).await.unwrap();
        assert_eq!(api_keys::find_by_hash(&db, "other").await.unwrap(), None);
        let owner = api_keys::find_by_hash(&db, "hash").await.unwrap().unwrap();
        assert_eq!((owner.key_id, owner.user_id, owner.tenant_id), (key.id, seeded.builder, seeded.tenant));
        assert_eq!(owner.user_status, UserStatus::Active);
        assert!(!owner.is_revoked);

        let (tenant, user, id) = (seeded.tenant, seeded.builder, key.id);
        db.write(async move |tx| api_keys::touch_last_used(tx, tenant, id, LATER).await).await.unwrap();
        db.write(async move |tx| api_keys::touch_last_used(tx, tenant, id, NOW).await).await.unwrap();
        let revoke =
            async |by| db.write(async move |tx| api_keys::revoke(tx, tenant, by, id, LATER).await).await;
        assert!(!revoke(seeded.admin).await.unwrap());
        assert!(revoke(user).await.unwrap());
        assert!(!revoke(user).await.unwrap());
        assert!(api_keys::find_by_hash(&db, "hash").await.unwrap().unwrap().is_revoked);
        let listed = api_keys::list(&db, tenant, user).await.unwrap();
        assert_eq!(listed, [ApiKey { last_used_at: Some(LATER), revoked_at: Some(LATER), ..key }]);
    })
    .await;
}

#[tokio::test]
async fn members_come_change_and_go() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let (workspace, builder, admin) = (seeded.workspace, seeded.builder, seeded.admin);
        db.write(async move |tx| members::set(tx, workspace, builder, &Role::Owner.into()).await)
            .await
            .unwrap();
        assert_eq!(members::role(&db, workspace, builder).await.unwrap(), Some(Role::Owner.into()));
        assert_eq!(members::role(&db, seeded.other_workspace, builder).await.unwrap(), None);
        db.write(async move |tx| members::set(tx, workspace, admin, &Role::Viewer.into()).await)
            .await
            .unwrap();
        assert_eq!(members::list(&db, workspace).await.unwrap().len(), 2);
        assert!(db.write(async move |tx| members::remove(tx, workspace, builder).await).await.unwrap());
        assert_eq!(members::role(&db, workspace, builder).await.unwrap(), None);
        let stranger = UserId::of_name("stranger");
        let error =
            db.write(async move |tx| members::set(tx, workspace, stranger, &Role::Owner.into()).await).await;
        assert!(matches!(error, Err(StoreError::Reference)), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn users_are_found_by_id_and_address_in_their_tenant() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let (tenant, bob) = (seeded.tenant, seeded.builder);
        let found = users::get_by_email(&db, tenant, "bob@acme.example").await.unwrap().unwrap();
        assert_eq!(users::get(&db, tenant, bob).await.unwrap(), Some(found.clone()));
        assert_eq!(users::get(&db, seeded.other_tenant, bob).await.unwrap(), None);
        let names: Vec<_> =
            users::list(&db, tenant).await.unwrap().into_iter().map(|user| user.name).collect();
        assert_eq!(names, ["ada", "bob"]);
        let twin = users::User { id: UserId::of_name("twin"), ..found };
        let error = db.write(async move |tx| users::insert(tx, &twin).await).await.unwrap_err();
        assert!(error.is_duplicate_of(users::EMAIL_KEY), "{error:?}");
        let other = seeded.other_workspace;
        db.write(async move |tx| {
            users::set_status(tx, tenant, bob, UserStatus::Inactive, LATER).await?;
            users::set_default_workspace(tx, tenant, bob, other, LATER).await
        })
        .await
        .unwrap();
        let found = users::get(&db, tenant, bob).await.unwrap().unwrap();
        assert_eq!((found.status, found.default_workspace_id), (UserStatus::Inactive, Some(other)));
        assert_eq!(found.updated_at, LATER);
    })
    .await;
}

#[tokio::test]
async fn workspaces_are_listed_renamed_and_unique_by_name() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let list = async |q: &str| {
            let page = workspaces::list(&db, seeded.tenant, &query(q, &workspaces::FIELDS)).await.unwrap();
            page.rows.into_iter().map(|workspace| workspace.name).collect::<Vec<_>>()
        };
        assert_eq!(list("{}").await, ["blue", "red"]);
        assert_eq!(list(r#"{"search":{"text":"RE"}}"#).await, ["red"]);
        let mut blue = workspaces::get_by_name(&db, seeded.tenant, "blue").await.unwrap().unwrap();
        blue.name = "red".to_owned();
        let row = blue.clone();
        let error = db.write(async move |tx| workspaces::update(tx, &row).await).await.unwrap_err();
        assert!(error.is_duplicate_of(workspaces::NAME_KEY), "{error:?}");
        blue.name = "green".to_owned();
        let row = blue.clone();
        assert!(db.write(async move |tx| workspaces::update(tx, &row).await).await.unwrap());
        assert_eq!(workspaces::get(&db, seeded.tenant, blue.id).await.unwrap(), Some(blue));
        assert_eq!(workspaces::get(&db, seeded.other_tenant, seeded.workspace).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_oldest_tenant_is_the_first() {
    each_database(async |db| {
        assert_eq!(tenants::first(&db).await.unwrap(), None);
        let seeded = seed(&db).await;
        let first = tenants::first(&db).await.unwrap().unwrap().id;
        assert!([seeded.tenant, seeded.other_tenant].contains(&first));
    })
    .await;
}

#[tokio::test]
async fn a_user_s_workspaces_are_all_of_the_tenant_with_their_role() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let rows = workspaces::list_for_user(&db, seeded.tenant, seeded.builder).await.unwrap();
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        assert!(ids.contains(&seeded.workspace) && ids.contains(&seeded.other_workspace));
        for row in rows {
            let role = members::role(&db, row.id, seeded.builder).await.unwrap();
            assert_eq!(row.roles, role.into_iter().collect::<Vec<_>>(), "{}", row.display_name);
        }
        assert_eq!(workspaces::list_for_user(&db, seeded.other_tenant, seeded.builder).await.unwrap(), []);
    })
    .await;
}
