//! API keys: how many there may be, however many ask at once, and what is shown of them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Nictate, Reply, on_both, text, until};

const KEYS: &str = "/api/v1/apikey";

async fn make(nictate: &Nictate) -> Reply {
    nictate.post(KEYS, json!({"name": "another"})).await
}

async fn revoke(nictate: &Nictate, id: &str) -> Reply {
    nictate.delete(&format!("{KEYS}?id={id}")).await
}

#[tokio::test]
async fn however_many_keys_are_made_or_revoked_at_once_there_are_one_to_five() {
    on_both(async |nictate| {
        let first = text(&nictate.get(KEYS).await.ok()[0], "id");
        let replies = futures_util::future::join_all((0..8).map(|_| make(nictate))).await;
        let (made, refused): (Vec<Reply>, Vec<Reply>) =
            replies.into_iter().partition(|reply| reply.status == 200);
        assert_eq!((made.len(), refused.len()), (4, 4));
        for reply in refused {
            reply.error(400, "api_key_limit");
        }
        // Everything but two at first, then both of these at once: each for itself would be allowed.
        for reply in &made[..3] {
            revoke(nictate, &text(&reply.ok(), "id")).await.ok();
        }
        revoke(nictate, &text(&made[0].ok(), "id")).await.error(404, "api_key_not_found");
        let second = made[3].ok();
        let (id, key) = (text(&second, "id"), text(&second, "key"));
        let (one, other) = tokio::join!(revoke(nictate, &first), revoke(nictate, &id));
        let mut outcomes = [one.status, other.status];
        outcomes.sort_unstable();
        let survivor = if one.status == 200 { key } else { crate::support::KEY.to_owned() };
        let left = Reply::of(nictate.request_as(Some(&survivor), Method::GET, KEYS)).await.ok();
        assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
        assert!(outcomes == [200, 400] || outcomes == [200, 401], "{outcomes:?}");
    })
    .await;
}

#[tokio::test]
async fn a_key_shows_when_it_was_used_and_little_of_itself() {
    on_both(async |nictate| {
        let used = async || {
            let [key] = nictate.get(KEYS).await.ok().as_array().unwrap().clone().try_into().unwrap();
            let key: Value = key;
            key["last_used_at"].as_i64().filter(|at| *at > 0)
        };
        let first = until("the use is written down", used).await;
        assert!(first > 1_700_000_000_000);
        let made = make(nictate).await.ok();
        let (key, hint) = (text(&made, "key"), text(&made, "hint"));
        assert!(key.starts_with(&hint) && hint.len() * 4 <= key.len(), "{made}");
        let zero = json!({"name": "x", "description": "a\u{0}b"});
        nictate.post(KEYS, zero).await.error(400, "body_invalid");
    })
    .await;
}
