//! Tables: a change of the schema takes effect as a whole or not at all, also when it is cut off in the middle.

use store::tables::{self, Attributes, FieldType, Table, TableField};
use store::testing::{NOW, Seeded, each_database, seed};
use store::{Db, StoreError, Tx};
use types::Id;

pub(crate) fn table(seeded: &Seeded, name: &str) -> Table {
    Table {
        id: Id::of_name(name),
        tenant_id: seeded.tenant,
        workspace_id: seeded.workspace,
        name: name.to_owned(),
        display_name: name.to_owned(),
        description: String::new(),
        settings: "{}".to_owned(),
        next_column: 1,
        created_at: NOW,
        created_by: "ada".to_owned(),
        updated_at: NOW,
        updated_by: "ada".to_owned(),
    }
}

fn field(table: &Table, name: &str, column_number: i64) -> TableField {
    TableField {
        id: Id::of_name(&format!("{}.{name}", table.name)),
        table_id: table.id,
        workspace_id: table.workspace_id,
        name: name.to_owned(),
        display_name: name.to_owned(),
        description: String::new(),
        field_type: FieldType::Text,
        attributes: Attributes { is_unique: true, ..Attributes::default() },
        column_number,
        reference_table_id: None,
        created_at: NOW,
        created_by: "ada".to_owned(),
        updated_at: NOW,
        updated_by: "ada".to_owned(),
    }
}

/// Runs `change` and gives up after it, as a crash before the commit would.
async fn cut_off<F>(db: &Db, change: F)
where
    F: AsyncFn(&Tx<'_>) -> Result<(), StoreError> + Send + Sync + 'static,
{
    let cut = db.write(async move |tx| {
        change(tx).await?;
        Err::<(), _>(StoreError::Misused("cut off".to_owned()))
    });
    assert!(matches!(cut.await, Err(StoreError::Misused(_))));
}

#[tokio::test]
async fn a_change_of_the_schema_that_is_cut_off_leaves_nothing() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let findings = table(&seeded, "findings");
        let title = field(&findings, "title", 1);
        let names = async |db: &Db| -> Vec<String> {
            let fields = tables::fields(db, seeded.workspace, findings.id).await.unwrap();
            fields.into_iter().map(|field| field.name).collect()
        };

        let row = findings.clone();
        cut_off(&db, async move |tx| tables::insert(tx, &row).await).await;
        assert_eq!(tables::get(&db, seeded.workspace, "findings").await.unwrap(), None);
        // What it left would be in the way now.
        let row = findings.clone();
        db.write(async move |tx| tables::insert(tx, &row).await).await.unwrap();

        let added = title.clone();
        cut_off(&db, async move |tx| tables::insert_field(tx, &added).await).await;
        assert!(names(&db).await.is_empty());
        let added = title.clone();
        db.write(async move |tx| tables::insert_field(tx, &added).await).await.unwrap();
        assert_eq!(names(&db).await, ["title"]);

        let removed = title.clone();
        cut_off(&db, async move |tx| tables::delete_field(tx, &removed).await).await;
        assert_eq!(names(&db).await, ["title"]);
        let row = findings.clone();
        cut_off(&db, async move |tx| tables::delete(tx, &row).await).await;
        assert_eq!(tables::records_count(&db, seeded.workspace, &findings).await.unwrap(), 0);

        let removed = title.clone();
        db.write(async move |tx| tables::delete_field(tx, &removed).await).await.unwrap();
        let row = findings.clone();
        db.write(async move |tx| tables::delete(tx, &row).await).await.unwrap();
        assert!(tables::records_count(&db, seeded.workspace, &findings).await.is_err(), "it is gone");
    })
    .await;
}

#[tokio::test]
async fn another_workspace_neither_sees_nor_touches_a_table() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let findings = table(&seeded, "findings");
        let (row, added) = (findings.clone(), field(&findings, "title", 1));
        db.write(async move |tx| {
            tables::insert(tx, &row).await?;
            tables::insert_field(tx, &added).await
        })
        .await
        .unwrap();
        let other = seeded.other_workspace;
        assert_eq!(tables::get(&db, other, "findings").await.unwrap(), None);
        assert!(tables::fields(&db, other, findings.id).await.unwrap().is_empty());
        assert_eq!(tables::count(&db, other).await.unwrap(), 0);
        assert_eq!(tables::count(&db, seeded.workspace).await.unwrap(), 1);
    })
    .await;
}
