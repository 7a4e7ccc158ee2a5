//! Following a run: its events as they happen, resumed where the client was, on whichever server; and what ends a
//! stream besides the run.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::time::Instant;
use types::Role;

use crate::executions::{calls_the_tool, workflow};
use crate::support::{KEY, NOBODY, Nictate, PATIENCE, Reply, WORKSPACE, on_both, start, text};

const SLEEPS: &str = "- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}";

/// One server-sent event.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    id: Option<i64>,
    name: String,
    data: Value,
}

/// A stream that is being read.
struct Stream {
    response: Response,
    unread: String,
    /// Comments between events.
    comments: usize,
}

impl Stream {
    async fn open(nictate: &Nictate, key: &str, path: &str) -> Self {
        Self::of(nictate.request_as(Some(key), Method::GET, path)).await
    }

    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, unread: String::new(), comments: 0 }
    }

    /// The next event; none when the stream has ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                if let Some(event) = self.read(&block) {
                    return Some(event);
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("the next bytes");
            // A connection that is cut ends the stream as well.
            self.unread += std::str::from_utf8(&chunk.ok()??).unwrap();
        }
    }

    fn read(&mut self, block: &str) -> Option<Event> {
        let (mut id, mut name, mut data) = (None, None, None);
        for line in block.lines() {
            match line.split_once(": ").unwrap() {
                ("id", value) => id = Some(value.parse().unwrap()),
                ("event", value) => name = Some(value.to_owned()),
                ("data", value) => data = Some(serde_json::from_str(value).unwrap()),
                ("", _) => self.comments += 1,
                ("retry", value) => assert_eq!(value, "1000"),
                (other, _) => panic!("{other}"),
            }
        }
        Some(Event { id, name: name?, data: data? })
    }

    async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

async fn events_of(nictate: &Nictate, run: &str) -> Vec<Event> {
    Stream::open(nictate, KEY, &format!("/executions/{run}/events")).await.rest().await
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// A published workflow of these steps, and a run of it in that state.
async fn run_of(nictate: &Nictate, steps: &str, state: &str) -> String {
    let id = nictate.publish("followed", &workflow(steps, "{{ 1 }}")).await;
    let run = nictate.execute(&id, json!({})).await;
    nictate.execution_in(&run, state).await;
    run
}

#[tokio::test]
async fn the_events_of_a_run_are_its_journal_in_the_words_of_the_api() {
    on_both(async |nictate| {
        nictate.connect("edge", "t0p-s3cret").await;
        let workflow = nictate.publish("calls", &calls_the_tool("edge", nictate.tool.url())).await;
        let run = nictate.execute(&workflow, json!({"user": "ann"})).await;
        let full = nictate.execution_in(&run, "Completed").await;
        let events = events_of(nictate, &run).await;
        let expected = ["started", "step_started", "step_finished", "step_finished", "finished", "end"];
        assert_eq!(names(&events), expected);
        let ids: Vec<Option<i64>> = events.iter().map(|event| event.id).collect();
        assert_eq!(ids, [Some(1), Some(2), Some(3), Some(4), Some(5), None]);
        assert!(events.iter().all(|event| event.data["execution_id"] == run));

        let [started, call_started, called, set, finished, end] = &events[..] else { panic!() };
        assert_eq!(started.data["inputs"], full["inputs"]);
        assert_eq!(started.data["event"]["payload"], full["event"]);
        let steps = nictate.get(&format!("/executions/{run}/steps")).await.results();
        for (event, step) in [(call_started, &steps[0]), (called, &steps[0]), (set, &steps[1])] {
            for member in ["step_id", "path", "name", "action", "execution_count"] {
                assert_eq!(event.data[member], step[member], "{} {member}", event.name);
            }
        }
        assert_eq!(call_started.data["input_parameters"], steps[0]["input_parameters"]);
        for (event, step) in [(called, &steps[0]), (set, &steps[1])] {
            for member in ["state", "output_data", "started_at"] {
                assert_eq!(event.data[member], step[member], "{member}");
            }
            assert_eq!(event.data["at"], step["finished_at"]);
        }
        assert_eq!(
            (&finished.data["state"], &finished.data["outputs"]),
            (&json!("Completed"), &full["outputs"])
        );
        assert_eq!((&end.data["state"], &end.data["error_details"]), (&json!("Completed"), &json!({})));
        assert_eq!(end.data["finished_at"], full["finished_at"]);
        let all = format!("{events:?}");
        assert!(!all.contains("t0p-s3cret") && !all.contains("seed"), "{all}");
    })
    .await;
}

#[tokio::test]
async fn a_stream_is_resumed_without_gap_or_double() {
    on_both(async |nictate| {
        let steps = "- id: S1\n  action: internal.for\n  inputs: {list: 3}\n  steps:\n    \
                     - {id: S2, action: internal.print, inputs: {text: x}}";
        let run = run_of(nictate, steps, "Completed").await;
        let path = format!("/executions/{run}/events");
        let all = events_of(nictate, &run).await;
        assert!(all.len() > 5, "{:?}", names(&all));
        for (known, event) in all.iter().enumerate() {
            // The last one has no id: who has it needs no more.
            let Some(id) = event.id else { continue };
            let by_header = nictate.request(Method::GET, &path).header("Last-Event-ID", id);
            let by_header =
                Stream { response: by_header.send().await.unwrap(), unread: String::new(), comments: 0 };
            let by_query = Stream::open(nictate, KEY, &format!("{path}?last_event_id={id}")).await;
            for stream in [by_header, by_query] {
                assert_eq!(stream.rest().await, all[known + 1..], "after {id}");
            }
        }
        // A browser's second connection: the header is newer than the address.
        let last = all.iter().filter_map(|event| event.id).max().unwrap();
        let both =
            nictate.request(Method::GET, &format!("{path}?last_event_id=1")).header("Last-Event-ID", last);
        let both = Stream::of(both).await;
        assert_eq!(names(&both.rest().await), ["end"]);
        for bad in ["x", "-1", "1.5", "99999999999999999999"] {
            let reply = nictate.get(&format!("{path}?last_event_id={bad}")).await;
            let error = reply.error(400, "parameter_invalid");
            assert!(text(&error, "message").contains(&format!("`{bad}`")), "{error}");
        }
        nictate.get(&format!("/executions/{NOBODY}/events")).await.error(404, "execution_not_found");
    })
    .await;
}

#[tokio::test]
async fn events_arrive_while_they_happen() {
    on_both(async |nictate| {
        let mut prompt = 0;
        let workflow = nictate.publish("sleeps", &workflow(SLEEPS, "{{ 1 }}")).await;
        for _ in 0..5 {
            let run = nictate.execute(&workflow, json!({})).await;
            nictate.execution_in(&run, "Pending").await;
            let mut stream = Stream::open(nictate, KEY, &format!("/executions/{run}/events")).await;
            for name in ["started", "timer_set"] {
                assert_eq!(stream.next().await.unwrap().name, name);
            }
            nictate.post(&format!("/executions/{run}/cancel"), json!({"cancel_reason": "enough"})).await.ok();
            let cancelled = Instant::now();
            let request = stream.next().await.unwrap();
            prompt += usize::from(cancelled.elapsed() < Duration::from_millis(150));
            assert_eq!(
                (request.name.as_str(), &request.data["cancel_reason"]),
                ("cancel_requested", &json!("enough"))
            );
            let rest = stream.rest().await;
            assert_eq!(names(&rest), ["step_finished", "finished", "end"]);
            assert_eq!(rest[0].data["state"], "Cancelled");
            assert_eq!(
                (&rest[1].data["state"], &rest[2].data["state"]),
                (&json!("Cancelled"), &json!("Cancelled"))
            );
        }
        // A run of another server is looked after twice a second; this one's own wakes its followers.
        assert!(prompt >= 3, "{prompt} of 5 came at once");
    })
    .await;
}

#[tokio::test]
async fn a_run_of_another_server_is_followed_as_well() {
    on_both(async |nictate| {
        if nictate.is_sqlite() {
            return;
        }
        let run = run_of(nictate, SLEEPS, "Pending").await;
        let folder = tempfile::tempdir().unwrap();
        let mut config = nictate.config.clone();
        config.server.data = folder.path().to_owned();
        config.secrets.key_file = nictate.config.key_file();
        let second = start(&config, &nictate.clock).await.unwrap();
        let address = format!("{}/api/v1/workspace/{WORKSPACE}/executions/{run}/events", second.url());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut stream = Stream::of(client.get(address).header("BLINK-API-KEY", KEY)).await;
        for name in ["started", "timer_set"] {
            assert_eq!(stream.next().await.unwrap().name, name);
        }
        nictate.post_nothing(&format!("/executions/{run}/cancel")).await.ok();
        let rest = stream.rest().await;
        assert_eq!(names(&rest), ["cancel_requested", "step_finished", "finished", "end"]);
        second.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked_and_speaks_until_then() {
    on_both(async |nictate| {
        let run = run_of(nictate, SLEEPS, "Pending").await;
        nictate.add_member("vera", WORKSPACE.parse().unwrap(), Role::Viewer).await;
        let mut stream = Stream::open(nictate, "vera", &format!("/executions/{run}/events")).await;
        for name in ["started", "timer_set"] {
            assert_eq!(stream.next().await.unwrap().name, name);
        }
        // Nothing happens, and it is said that nothing does.
        while stream.comments == 0 {
            let chunk = tokio::time::timeout(PATIENCE, stream.response.chunk()).await.unwrap().unwrap();
            assert!(stream.read(std::str::from_utf8(&chunk.unwrap()).unwrap().trim_end()).is_none());
        }
        let (tenant, now) = (nictate.tenant().await, types::Clock::now(&*nictate.clock));
        let (user, key) = (types::UserId::of_name("vera"), types::ApiKeyId::of_name("vera"));
        let revoked =
            async move |tx: &store::Tx<'_>| store::api_keys::revoke(tx, tenant, user, key, now).await;
        nictate.write_beside(revoked).await;
        let ended = tokio::time::timeout(Duration::from_secs(10), stream.next()).await;
        assert_eq!(ended.expect("an end"), None);
        assert_eq!(
            nictate.get(&format!("/executions/{run}")).await.ok()["state"],
            "Pending",
            "the run goes on"
        );
    })
    .await;
}

#[tokio::test]
async fn no_more_streams_are_open_than_the_server_takes() {
    const FOLLOWERS_MAX: usize = 200;
    on_both(async |nictate| {
        let run = run_of(nictate, SLEEPS, "Pending").await;
        let path = format!("/executions/{run}/events");
        let mut streams = Vec::new();
        for _ in 0..FOLLOWERS_MAX {
            streams.push(Stream::open(nictate, KEY, &path).await);
        }
        let refused = nictate.get(&path).await;
        refused.error(429, "overloaded");
        assert_eq!(refused.header("retry-after"), "1");
        // A place becomes free as soon as the server has seen that one is gone.
        streams.pop();
        crate::support::until("a place is free", async || {
            let response = nictate.request(Method::GET, &path).send().await.unwrap();
            (response.status() == 200).then_some(())
        })
        .await;
        // The server stops with all of them open.
        let began = Instant::now();
        nictate.stop().await;
        assert!(began.elapsed() < nictate.config.server.shutdown_grace(), "{:?}", began.elapsed());
        for stream in streams {
            assert!(stream.rest().await.iter().all(|event| event.name != "end"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_is_not_held_back_to_be_compressed() {
    on_both(async |nictate| {
        let run = run_of(nictate, SLEEPS, "Pending").await;
        let request = nictate.request(Method::GET, &format!("/executions/{run}/events"));
        let mut stream = Stream::of(request.header("Accept-Encoding", "gzip")).await;
        assert!(!stream.response.headers().contains_key("content-encoding"));
        assert_eq!(stream.next().await.unwrap().name, "started");
        let none =
            Reply::of(nictate.request_as(None, Method::GET, &format!("/executions/{run}/events"))).await;
        none.error(401, "unauthenticated");
    })
    .await;
}
