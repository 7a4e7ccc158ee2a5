//! Carries out a plan, object by object. What was done is written down after each, so that a push that was cut off is
//! simply repeated.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::{agents, apps, packs, tables, workflows};
use crate::args::PushArgs;
use crate::client::Client;
use crate::commands::pull::entry;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::Printer;
use crate::sync::compare::{Compared, Pair};
use crate::sync::folder::{self, Folder};
use crate::sync::remote::{self, Remote};
use crate::sync::report::{Action, Line};
use crate::sync::state::{Entry, State};
use crate::sync::{Ids, Kind, Object, Target};
use crate::text::printable;

/// Up to so many objects, the state is written after each; of more, after every second, third and so on.
const STATE_WRITES_MAX: usize = 1_000;

/// A push under way.
pub(super) struct Push<'a> {
    pub(super) printer: &'a Printer,
    pub(super) args: &'a PushArgs,
    pub(super) client: &'a Client,
    folder: &'a Folder,
    state: &'a mut State,
    pairs: Vec<Pair>,
    /// From the folder's ids to the server's.
    ids: Ids,
    /// Packs of workflows: the server's id by the folder's name.
    pub(super) packs: BTreeMap<String, String>,
    /// Ids of the folder that stand for nothing on the server yet.
    unborn: BTreeSet<String>,
    /// What was read back, by path.
    done: HashMap<String, Remote>,
    writes: usize,
    every: usize,
}

impl<'a> Push<'a> {
    pub(super) fn new(
        printer: &'a Printer,
        args: &'a PushArgs,
        folder: &'a Folder,
        target: &'a Target,
        state: &'a mut State,
        compared: Compared,
    ) -> Self {
        let packs = compared.pairs.iter().filter(|pair| pair.kind == Kind::Pack);
        let packs = packs.filter_map(|pair| {
            Some((folder::pack_of(&pair.path).to_owned(), pair.remote.as_ref()?.key.clone()))
        });
        Self {
            printer,
            args,
            client: &target.client,
            folder,
            state,
            packs: packs.collect(),
            pairs: compared.pairs,
            ids: compared.to_remote,
            unborn: BTreeSet::new(),
            done: HashMap::new(),
            writes: 0,
            every: 1,
        }
    }

    /// Does what the lines say; what was done until a failure is written down.
    pub(super) async fn run(mut self, lines: &[Line]) -> Outcome<()> {
        let done = self.steps(lines).await;
        let written = self.state.write(self.folder);
        done.and(written)
    }

    async fn steps(&mut self, lines: &[Line]) -> Outcome<()> {
        let pairs = std::mem::take(&mut self.pairs);
        let with = |action: Action| pairs.iter().zip(lines).filter(move |(_, line)| line.action == action);
        self.every = 1 + lines.iter().filter(|line| line.action.is_due()).count() / STATE_WRITES_MAX;
        for (pair, _) in with(Action::Unchanged) {
            if let Some(remote) = &pair.remote {
                self.note(pair, remote, true);
            }
        }
        let adds = with(Action::Add).filter_map(|(pair, _)| pair.local.as_ref()?.object.id.clone());
        self.unborn = adds.collect();
        for kind in Kind::ALL {
            let due: Vec<&Pair> = pairs
                .iter()
                .zip(lines)
                .filter(|(pair, line)| {
                    pair.kind == kind && matches!(line.action, Action::Add | Action::Change)
                })
                .map(|(pair, _)| pair)
                .collect();
            self.kind(kind, due, lines).await?;
        }
        // What names something that was made after it.
        for (pair, _) in pairs.iter().zip(lines).filter(|(_, line)| line.action == Action::Add) {
            self.name_the_born(pair).await?;
        }
        if self.args.publish {
            let due = pairs.iter().zip(lines).filter(|(pair, line)| {
                let agent = pair.kind == Kind::Agent && line.action == Action::Publish;
                (agent || pair.kind == Kind::Workflow) && line.action.is_due() && pair.local.is_some()
            });
            let due: Vec<&Pair> = due.map(|(pair, _)| pair).collect();
            for pair in callees_first(due) {
                self.publish(pair).await?;
            }
        }
        self.prune(with(Action::Remove).map(|(pair, _)| pair).collect()).await
    }

    async fn kind(&mut self, kind: Kind, due: Vec<&Pair>, lines: &[Line]) -> Outcome<()> {
        let due = if kind == Kind::Workflow { callees_first(due) } else { due };
        let is_new = |pair: &Pair| {
            lines.iter().any(|line| line.path == pair.path && line.kind == kind && line.action == Action::Add)
        };
        let (new, old): (Vec<&Pair>, Vec<&Pair>) = due.into_iter().partition(|pair| is_new(pair));
        for pair in &new {
            self.add(pair).await?;
        }
        if kind == Kind::Table {
            // Only now is there what their fields refer to.
            for pair in new {
                self.finish_table(pair).await?;
            }
        }
        for pair in old {
            self.change(pair).await?;
        }
        Ok(())
    }

    async fn add(&mut self, pair: &Pair) -> Outcome<()> {
        let Some(local) = &pair.local else { return Ok(()) };
        let wanted = local.object.with_ids(&self.ids);
        let key = match pair.kind {
            Kind::Connection => return Ok(()),
            Kind::Table => tables::add(self, &wanted).await,
            Kind::Pack => packs::add(self, &wanted).await,
            Kind::Agent => agents::add(self, &wanted).await,
            Kind::Workflow => workflows::add(self, &wanted).await,
            Kind::App => apps::add(self, &wanted).await,
        };
        let key = key.map_err(|failure| of_file(failure, pair))?;
        if pair.kind == Kind::Pack {
            self.packs.insert(folder::pack_of(&pair.path).to_owned(), key.clone());
        }
        if let Some(id) = &local.object.id {
            self.ids.insert(id, &key);
            self.unborn.remove(id);
        }
        self.note_made(pair, &key)?;
        if pair.kind == Kind::Agent || (pair.kind == Kind::App && apps::is_portal(&wanted)) {
            // Made with one call, and what it should be only after the next.
            self.read_back(pair, &key, false).await?;
            if let Some(fresh) = self.done.get(&pair.path).cloned() {
                self.update(pair, &local.object, fresh).await?;
            }
        }
        let is_whole = pair.kind != Kind::Table && !self.names_unborn(&local.object);
        self.read_back(pair, &key, is_whole).await?;
        self.say("added", pair);
        Ok(())
    }

    /// That it is ours, before anything else can fail: what a next push finds there is to be finished.
    fn note_made(&mut self, pair: &Pair, key: &str) -> Outcome<()> {
        let kind = pair.kind.noun().to_owned();
        let entry = Entry { kind, id: key.to_owned(), ..Entry::default() };
        self.state.note(&pair.path, entry);
        if self.writes.is_multiple_of(self.every) { self.write_state() } else { Ok(()) }
    }

    async fn finish_table(&mut self, pair: &Pair) -> Outcome<()> {
        let (Some(local), Some(remote)) = (&pair.local, self.done.get(&pair.path).cloned()) else {
            return Ok(());
        };
        let wanted = local.object.with_ids(&self.ids);
        tables::converge(self, &wanted, remote).await.map_err(|failure| of_file(failure, pair))?;
        let key = local.object.name.clone();
        self.read_back(pair, &key, true).await
    }

    async fn change(&mut self, pair: &Pair) -> Outcome<()> {
        let (Some(local), Some(remote)) = (&pair.local, &pair.remote) else { return Ok(()) };
        let fresh = self.still_as_planned(pair, remote).await?;
        let is_whole = pair.kind != Kind::Table
            || self.args.prune
            || tables::Steps::between(&local.object, &fresh).removed.is_empty();
        self.update(pair, &local.object, fresh).await?;
        let is_whole = is_whole && !self.names_unborn(&local.object);
        self.read_back(pair, &remote.key, is_whole).await?;
        self.say("changed", pair);
        Ok(())
    }

    async fn update(&self, pair: &Pair, object: &Object, fresh: Remote) -> Outcome<()> {
        let wanted = object.with_ids(&self.ids);
        let updated = match pair.kind {
            Kind::Connection => Ok(()),
            Kind::Table => tables::converge(self, &wanted, fresh).await,
            Kind::Pack => packs::update(self, &wanted, &fresh).await,
            Kind::Agent => agents::update(self, &wanted, &fresh).await,
            Kind::Workflow => workflows::update(self, &wanted, &fresh).await,
            Kind::App => apps::update(self, &wanted, &fresh).await,
        };
        updated.map_err(|failure| of_file(failure, pair))
    }

    /// Says anew what was said when some of the ids in it stood for nothing.
    async fn name_the_born(&mut self, pair: &Pair) -> Outcome<()> {
        let (Some(local), Some(remote)) = (&pair.local, self.done.get(&pair.path).cloned()) else {
            return Ok(());
        };
        let known = self.state.at(&pair.path).is_some_and(|entry| !entry.local.is_empty());
        if known {
            return Ok(());
        }
        let key = remote.key.clone();
        self.update(pair, &local.object, remote).await?;
        self.read_back(pair, &key, true).await
    }

    async fn publish(&mut self, pair: &Pair) -> Outcome<()> {
        let Some(local) = &pair.local else { return Ok(()) };
        let Some(remote) = self.done.get(&pair.path).or(pair.remote.as_ref()).cloned() else { return Ok(()) };
        let wanted = local.object.with_ids(&self.ids);
        let published = match pair.kind {
            Kind::Agent => agents::publish(self, &wanted, &remote.key).await.map(|()| true),
            _ => workflows::publish(self, &wanted, &remote).await,
        };
        if published.map_err(|failure| of_file(failure, pair))? {
            self.read_back(pair, &remote.key, true).await?;
            self.say("published", pair);
        }
        Ok(())
    }

    async fn prune(&mut self, mut pairs: Vec<&Pair>) -> Outcome<()> {
        // What names others goes before them.
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.kind));
        while !pairs.is_empty() {
            let (before, mut held) = (pairs.len(), Vec::new());
            let mut refused = None;
            for pair in pairs {
                match self.remove(pair).await {
                    // A table that another one refers to, which may be the next to go.
                    Err(failure) if failure.identifier() == "table_in_use" => {
                        held.push(pair);
                        refused = Some(failure);
                    }
                    other => other?,
                }
            }
            if let Some(failure) = refused.filter(|_| held.len() == before) {
                return Err(failure);
            }
            pairs = held;
        }
        Ok(())
    }

    async fn remove(&mut self, pair: &Pair) -> Outcome<()> {
        let Some(remote) = &pair.remote else { return Ok(()) };
        self.still_as_planned(pair, remote).await?;
        let path = match pair.kind {
            Kind::Connection => return Ok(()),
            Kind::Table => "table",
            Kind::Pack => "automation_packs",
            Kind::Agent => "agents",
            Kind::Workflow => "playbooks",
            Kind::App => "apps",
        };
        let deleted = self.client.delete(&[path, &remote.key], &[]).await;
        deleted.map_err(|failure| of_file(failure, pair))?;
        self.state.forget(&pair.path);
        self.write_state()?;
        self.say("removed", pair);
        Ok(())
    }

    /// The object as it is now, if it is as it was when the plan was made.
    async fn still_as_planned(&self, pair: &Pair, planned: &Remote) -> Outcome<Remote> {
        let fresh = remote::one(self.client, pair.kind, &planned.key).await?.map(|fresh| self.settled(fresh));
        match fresh {
            Some(fresh) if fresh.object.hash() == planned.object.hash() && fresh.draft == planned.draft => {
                Ok(fresh)
            }
            fresh => {
                let now = fresh
                    .map_or_else(|| "it is gone".to_owned(), |fresh| format!("it has {}", fresh.version));
                let message = format!(
                    "{} `{}` has changed on the server since the plan was made: {now}, the plan began from {}",
                    pair.kind.noun(),
                    pair.name,
                    planned.version
                );
                Err(Failure::new(Exit::Conflict, message).hint("pull, and push again"))
            }
        }
    }

    /// With the folder's name of its pack.
    fn settled(&self, mut remote: Remote) -> Remote {
        if remote.object.kind == Kind::Workflow {
            let id = remote.object.content.get("pack").cloned().unwrap_or_default();
            let known = self.packs.iter().find(|(_, known)| id == known.as_str());
            let name = known.map_or("default", |(name, _)| name);
            remote.object.content.insert("pack".to_owned(), Value::from(name));
        }
        remote
    }

    async fn read_back(&mut self, pair: &Pair, key: &str, is_whole: bool) -> Outcome<()> {
        let found = remote::one(self.client, pair.kind, key).await?;
        let Some(remote) = found.map(|remote| self.settled(remote)) else { return Ok(()) };
        self.note(pair, &remote, is_whole);
        self.done.insert(pair.path.clone(), remote);
        self.writes += 1;
        if self.writes.is_multiple_of(self.every) {
            self.write_state()?;
        }
        Ok(())
    }

    fn note(&mut self, pair: &Pair, remote: &Remote, is_whole: bool) {
        let local = pair.local.as_ref().filter(|_| is_whole).map(|local| local.object.hash());
        let entry = Entry { local: local.unwrap_or_default(), ..entry(pair.kind, remote) };
        self.state.note(&pair.path, entry);
    }

    fn write_state(&self) -> Outcome<()> {
        self.state.write(self.folder)
    }

    fn names_unborn(&self, object: &Object) -> bool {
        self.unborn.iter().any(|id| names(object, id))
    }

    fn say(&self, done: &str, pair: &Pair) {
        if !self.printer.is_json() {
            self.printer.line(&printable(&format!("{done} {} {}", pair.kind.noun(), pair.name)));
        }
    }
}

fn names(object: &Object, id: &str) -> bool {
    object.document.as_ref().is_some_and(|text| text.contains(id))
        || Value::Object(object.content.clone()).to_string().contains(id)
}

/// Workflows so that each comes after those that it calls, as far as that can be.
fn callees_first(pairs: Vec<&Pair>) -> Vec<&Pair> {
    const ID_CHARS: usize = 36;
    let place_of: HashMap<&str, usize> = pairs
        .iter()
        .enumerate()
        .filter_map(|(place, pair)| Some((pair.local.as_ref()?.object.id.as_deref()?, place)))
        .collect();
    let calls: Vec<Vec<usize>> = pairs
        .iter()
        .map(|pair| {
            let text =
                pair.local.as_ref().and_then(|local| local.object.document.as_deref()).unwrap_or_default();
            let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
            words
                .filter(|word| word.len() == ID_CHARS)
                .filter_map(|word| place_of.get(word).copied())
                .collect()
        })
        .collect();
    let mut order = Vec::new();
    let mut seen = vec![false; pairs.len()];
    for start in 0..pairs.len() {
        // A stack of our own: a chain of calls may be long.
        let mut stack = vec![(start, false)];
        while let Some((place, left)) = stack.pop() {
            if left {
                order.push(place);
            } else if let Some(seen) = seen.get_mut(place).filter(|seen| !**seen) {
                *seen = true;
                stack.push((place, true));
                stack.extend(calls.get(place).into_iter().flatten().map(|callee| (*callee, false)));
            }
        }
    }
    order.into_iter().filter_map(|place| pairs.get(place).copied()).collect()
}

/// Says which file it is about.
fn of_file(mut failure: Failure, pair: &Pair) -> Failure {
    if failure.identifier() == "workflow_outdated" {
        failure.exit = Exit::Conflict;
        failure = failure.hint("pull, and push again");
    }
    failure.message = format!("{}: {}", pair.path, failure.message);
    failure
}
