//! The chain over the audit log: whatever is done to the log behind it is noticed.

use store::Db;
use store::audit::{self, ActorType, AuditEntry};
use store::audit_seals::{self, ENTRIES_PER_SEAL_MAX, Verdict, verify};
use store::testing::{NOW, Seeded, each_database, run_sql, seed};
use types::{AuditId, TenantId};

fn entry(seeded: &Seeded, number: usize) -> AuditEntry {
    AuditEntry {
        id: AuditId::of_name(&format!("entry {number}")),
        tenant_id: seeded.tenant,
        workspace_id: Some(seeded.workspace).filter(|_| number.is_multiple_of(2)),
        at: NOW,
        actor_type: ActorType::User,
        actor_id: "ada".to_owned(),
        action: "thing.done".to_owned(),
        entity_type: "thing".to_owned(),
        entity_id: number.to_string(),
        host: Some("tool".to_owned()).filter(|_| number.is_multiple_of(3)),
        details: "{}".to_owned(),
    }
}

async fn record(db: &Db, entries: Vec<AuditEntry>) {
    db.write(async move |tx| audit::record_many(tx, &entries).await).await.unwrap();
}

async fn seal(db: &Db, tenant: TenantId) -> usize {
    db.write(async move |tx| audit_seals::seal(tx, tenant, NOW).await).await.unwrap()
}

/// Three seals over ten entries each, and two entries that are not sealed.
async fn sealed(db: &Db) -> Seeded {
    let seeded = seed(db).await;
    for batch in 0..3 {
        record(db, (0..10).map(|number| entry(&seeded, batch * 10 + number)).collect()).await;
        assert_eq!(seal(db, seeded.tenant).await, 10);
    }
    assert_eq!(seal(db, seeded.tenant).await, 0);
    record(db, vec![entry(&seeded, 30), entry(&seeded, 31)]).await;
    seeded
}

async fn broken(db: &Db, tenant: TenantId, noted: Option<&str>) -> String {
    match verify(db, tenant, noted).await.unwrap() {
        Verdict::Broken(what) => what,
        Verdict::Whole { .. } => String::new(),
    }
}

#[tokio::test]
async fn a_log_that_nobody_has_touched_is_whole() {
    each_database(async |db| {
        let seeded = sealed(&db).await;
        let whole = Verdict::Whole { seals: 3, entries: 30, unsealed: 2 };
        let head = audit_seals::last(&db, seeded.tenant).await.unwrap().unwrap().head;
        assert_eq!(head.len(), 64);
        for noted in [None, Some(head.as_str())] {
            assert_eq!(verify(&db, seeded.tenant, noted).await.unwrap(), whole);
        }
        // It grows, and what was noted before still holds.
        assert_eq!(seal(&db, seeded.tenant).await, 2);
        let whole = Verdict::Whole { seals: 4, entries: 32, unsealed: 0 };
        assert_eq!(verify(&db, seeded.tenant, Some(&head)).await.unwrap(), whole);
        let empty = Verdict::Whole { seals: 0, entries: 0, unsealed: 0 };
        assert_eq!(verify(&db, seeded.other_tenant, None).await.unwrap(), empty);
    })
    .await;
}

#[tokio::test]
async fn whatever_is_done_to_sealed_entries_or_seals_is_noticed() {
    let victim = AuditId::of_name("entry 12");
    let other = AuditId::of_name("entry 13");
    for (tampering, found) in [
        (
            format!("DELETE FROM audit_log WHERE id = '{victim}'"),
            "seal 2: it is over 10 entries, and there are 9",
        ),
        (format!("UPDATE audit_log SET details = '{{\"x\": 1}}' WHERE id = '{victim}'"), "seal 2: an entry"),
        (format!("UPDATE audit_log SET actor_id = 'bob' WHERE id = '{victim}'"), "seal 2: an entry"),
        (format!("UPDATE audit_log SET host = '' WHERE id = '{other}'"), "seal 2: an entry"),
        (format!("UPDATE audit_log SET at = at + 1 WHERE id = '{victim}'"), "seal 2: an entry"),
        (format!("UPDATE audit_log SET seal = 3 WHERE id = '{victim}'"), "seal 2: it is over 10 entries"),
        (format!("UPDATE audit_log SET seal = NULL WHERE id = '{victim}'"), "seal 2: it is over 10 entries"),
        (
            format!("UPDATE audit_log SET seal = 9 WHERE id = '{}'", AuditId::of_name("entry 30")),
            "1 entries name a seal that is not there",
        ),
        (
            format!("UPDATE audit_log SET seal = 1 WHERE id = '{}'", AuditId::of_name("entry 30")),
            "seal 1: it is over 10",
        ),
        (format!("UPDATE audit_log SET action = 'thing.undone' WHERE id = '{victim}'"), "seal 2: an entry"),
        (format!("UPDATE audit_log SET entity_id = '13' WHERE id = '{victim}'"), "seal 2: an entry"),
        (format!("UPDATE audit_log SET workspace_id = NULL WHERE id = '{victim}'"), "seal 2: an entry"),
        ("UPDATE audit_seals SET root = head WHERE number = 2".to_owned(), "seal 2: an entry"),
        ("UPDATE audit_seals SET entries = 11 WHERE number = 2".to_owned(), "seal 2: it is over 11 entries"),
        (
            "UPDATE audit_seals SET number = 9 WHERE number = 2; UPDATE audit_seals SET number = 2 WHERE number = 3; \
             UPDATE audit_seals SET number = 3 WHERE number = 9"
                .to_owned(),
            "seal 2: it does not follow",
        ),
        ("DELETE FROM audit_seals WHERE number = 2".to_owned(), "seal 2 is missing"),
        ("DELETE FROM audit_seals WHERE number = 1".to_owned(), "seal 1 is missing"),
        (
            "UPDATE audit_seals SET head = root WHERE number = 2".to_owned(),
            "seal 2: it has been changed itself",
        ),
        (
            "UPDATE audit_seals SET sealed_at = 1 WHERE number = 2".to_owned(),
            "seal 2: it has been changed itself",
        ),
        ("UPDATE audit_seals SET previous = head WHERE number = 3".to_owned(), "seal 3: it does not follow"),
        ("UPDATE audit_seals SET number = number + 1 WHERE number = 3".to_owned(), "seal 3 is missing"),
    ] {
        each_database(async |db| {
            let seeded = sealed(&db).await;
            run_sql(&db, &tampering).await;
            let what = broken(&db, seeded.tenant, None).await;
            assert!(what.contains(found), "{tampering}: {what}");
        })
        .await;
    }
}

#[tokio::test]
async fn the_loss_of_the_newest_seals_is_noticed_by_whoever_has_noted_a_head() {
    each_database(async |db| {
        let seeded = sealed(&db).await;
        let head = audit_seals::last(&db, seeded.tenant).await.unwrap().unwrap().head;
        run_sql(&db, "DELETE FROM audit_log WHERE seal = 3; DELETE FROM audit_seals WHERE number = 3").await;
        assert_eq!(broken(&db, seeded.tenant, None).await, "");
        assert!(broken(&db, seeded.tenant, Some(&head)).await.contains("the newest ones are missing"));
    })
    .await;
}

#[tokio::test]
async fn a_seal_is_over_so_many_entries_and_no_more() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        record(&db, (0..=ENTRIES_PER_SEAL_MAX).map(|number| entry(&seeded, number)).collect()).await;
        assert_eq!(seal(&db, seeded.tenant).await, ENTRIES_PER_SEAL_MAX);
        assert_eq!(seal(&db, seeded.tenant).await, 1);
        let entries = i64::try_from(ENTRIES_PER_SEAL_MAX).unwrap() + 1;
        let whole = Verdict::Whole { seals: 2, entries, unsealed: 0 };
        assert_eq!(verify(&db, seeded.tenant, None).await.unwrap(), whole);
    })
    .await;
}
