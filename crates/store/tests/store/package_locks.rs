//! Locks of Python packages: the first one stays, each list of a document has its own.

use store::package_locks::{self, PackageLock};
use store::testing::{NOW, each_database, seed};
use types::WorkspaceId;

fn lock(document: &str, list: &str, text: &str) -> PackageLock {
    PackageLock {
        document_hash: document.to_owned(),
        requirements_hash: format!("hash of {list}"),
        requirements: format!("[\"{list}\"]"),
        lock_text: text.to_owned(),
        created_at: NOW,
    }
}

#[tokio::test]
async fn the_first_lock_of_a_list_stays_and_is_seen_in_its_workspace_alone() {
    each_database(async |db| {
        let workspace = seed(&db).await.workspace;
        for lock in
            [lock("d", "a", "a==1"), lock("d", "a", "a==2"), lock("d", "b", "b==1"), lock("e", "a", "a==3")]
        {
            db.write(async move |tx| package_locks::put(tx, workspace, &lock).await).await.unwrap();
        }
        let found = package_locks::get(&db, workspace, "d", "hash of a").await.unwrap();
        assert_eq!(found, Some(lock("d", "a", "a==1")));
        let all = package_locks::list(&db, workspace, "d").await.unwrap();
        assert_eq!(all, [lock("d", "a", "a==1"), lock("d", "b", "b==1")]);
        let other = WorkspaceId::of_name("other");
        assert_eq!(package_locks::get(&db, other, "d", "hash of a").await.unwrap(), None);
        assert!(package_locks::list(&db, other, "d").await.unwrap().is_empty());
    })
    .await;
}
