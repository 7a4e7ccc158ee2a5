//! Builds the tree from the parser's events, with an explicit stack: depth costs no stack of ours.
//!
//! Bounds: depth, and values and bytes with every alias counted each time it is
//! used, so that a few lines cannot stand for billions of values.

use std::collections::HashMap;
use std::sync::Arc;

use expr::Value;
use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, Tag};
use types::limits::{WORKFLOW_DOCUMENT_BYTES_MAX, WORKFLOW_DOCUMENT_DEPTH_MAX, WORKFLOW_DOCUMENT_NODES_MAX};

use super::node::{Content, Entry, Key, Node, Scalar, Style};
use super::{scalar, syntax};
use crate::codes;
use crate::diagnostic::Problems;
use crate::source::{Extent, Source};

/// Bytes of all scalars together, aliases counted each time they are used.
const EXPANDED_BYTES_MAX: usize = 4 * WORKFLOW_DOCUMENT_BYTES_MAX;

/// The document's tree; none if it is empty, not YAML, or beyond a bound, which is then noted.
pub(crate) fn load<'s>(source: &'s Source, problems: &mut Problems<'s>) -> Option<Node> {
    let mut options = granit_parser::options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: WORKFLOW_DOCUMENT_DEPTH_MAX,
        block_nesting_limit: WORKFLOW_DOCUMENT_DEPTH_MAX,
    };
    options.set_emit_comments(false);
    let mut loader = Loader::new(source, problems);
    for event in Parser::new_from_str_with_options(source.text(), options) {
        let event = match event {
            Ok((event, span)) => span.byte_range().map(|range| (event, Extent::new(range.start, range.end))),
            Err(error) => {
                syntax::report(loader.problems, &error, loader.braces);
                return None;
            }
        };
        let (event, at) = event?;
        loader.event(event, at).ok()?;
    }
    loader.root
}

/// Something that ends the reading; it has been noted.
struct Stop;

struct Loader<'s, 'p> {
    source: &'s Source,
    problems: &'p mut Problems<'s>,
    stack: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Anchored>,
    documents: usize,
    /// Values and bytes so far, aliases counted each time.
    nodes: usize,
    bytes: usize,
    /// Where the last unquoted `{{` began.
    braces: Option<usize>,
    /// The entry of `stack` that is the outer brace of an unquoted expression.
    expression: Option<usize>,
}

/// A list or map whose end has not come yet.
struct Open {
    start: usize,
    anchor: usize,
    flow: bool,
    content: OpenContent,
    /// Levels of nesting below this one.
    height: usize,
    nodes_before: usize,
    bytes_before: usize,
}

enum OpenContent {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, keys: HashMap<Arc<str>, Extent>, pending: Pending, merged: Vec<Node> },
}

/// What a map waits for.
enum Pending {
    Key,
    Value(Key),
    /// A value whose key was refused.
    Refused,
    /// The value of `<<`.
    Merge,
}

/// What an alias stands for, and what it counts.
struct Anchored {
    node: Node,
    nodes: usize,
    bytes: usize,
    height: usize,
}

impl<'s, 'p> Loader<'s, 'p> {
    fn new(source: &'s Source, problems: &'p mut Problems<'s>) -> Self {
        Self {
            source,
            problems,
            stack: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            documents: 0,
            nodes: 0,
            bytes: 0,
            braces: None,
            expression: None,
        }
    }

    fn event(&mut self, event: Event<'_>, at: Extent) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.problems
                        .error(codes::SEVERAL_DOCUMENTS, at, "a second document begins here")
                        .hint("one file holds one workflow: remove `---` and what follows");
                    return Err(Stop);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, text.len(), at)?;
                let node = scalar_node(&text, style, tag.as_deref(), at);
                self.finish(node, anchor, Size { nodes: 1, bytes: text.len(), height: 0 });
            }
            Event::SequenceStart(style, anchor, _) => {
                self.open(OpenContent::List(Vec::new()), style, anchor, at)?
            }
            Event::MappingStart(style, anchor, _) => {
                let content = OpenContent::Map {
                    entries: Vec::new(),
                    keys: HashMap::new(),
                    pending: Pending::Key,
                    merged: Vec::new(),
                };
                self.open(content, style, anchor, at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(id) => self.alias(id, at)?,
            Event::UnresolvedAlias(name) => {
                self.count(1, name.len(), at)?;
                self.problems
                    .error(
                        codes::UNKNOWN_ALIAS,
                        at,
                        format!("`*{name}` refers to an anchor that does not exist"),
                    )
                    .hint("quote a text that begins with `*`");
                self.push(self.as_written(at), 0);
            }
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, bytes: usize, at: Extent) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.nodes <= WORKFLOW_DOCUMENT_NODES_MAX && self.bytes <= EXPANDED_BYTES_MAX {
            return Ok(());
        }
        let message = format!(
            "the document has more than {WORKFLOW_DOCUMENT_NODES_MAX} values or {EXPANDED_BYTES_MAX} bytes of text, \
             aliases counted each time they are used"
        );
        self.problems.error(codes::TOO_MANY_NODES, at, message);
        Err(Stop)
    }

    fn open(
        &mut self,
        content: OpenContent,
        style: StructureStyle,
        anchor: usize,
        at: Extent,
    ) -> Result<(), Stop> {
        self.count(1, 0, at)?;
        if self.stack.len() >= WORKFLOW_DOCUMENT_DEPTH_MAX {
            syntax::too_deep(self.problems, at);
            return Err(Stop);
        }
        let flow = style == StructureStyle::Flow;
        self.notice_braces(flow && matches!(content, OpenContent::Map { .. }), at);
        self.stack.push(Open {
            start: at.start,
            anchor,
            flow,
            content,
            height: 0,
            nodes_before: self.nodes - 1,
            bytes_before: self.bytes,
        });
        Ok(())
    }

    /// `{{`: a flow map as the first key of a flow map, without a blank between.
    fn notice_braces(&mut self, flow_map: bool, at: Extent) {
        let Some(outer) = self.stack.last() else { return };
        let first_key = matches!(&outer.content, OpenContent::Map { pending: Pending::Key, entries, .. } if entries.is_empty());
        if flow_map && outer.flow && first_key && outer.start + 1 == at.start && self.expression.is_none() {
            self.expression = Some(self.stack.len() - 1);
            self.braces = Some(outer.start);
        }
    }

    fn close(&mut self, at: Extent) {
        let Some(open) = self.stack.pop() else { return };
        let extent = Extent::new(open.start, self.content_end(&open, at));
        let size = Size {
            nodes: self.nodes - open.nodes_before,
            bytes: self.bytes - open.bytes_before,
            height: open.height + 1,
        };
        let content = match open.content {
            OpenContent::List(items) => Content::List(Arc::new(items)),
            OpenContent::Map { mut entries, mut keys, merged, .. } => {
                for node in &merged {
                    merge(node, &mut entries, &mut keys);
                }
                Content::Map(Arc::new(entries))
            }
        };
        let mut node = Node { at: extent, content };
        if self.expression == Some(self.stack.len()) {
            self.expression = None;
            syntax::unquoted(self.problems, extent);
            node = self.as_written(extent);
        }
        self.finish(node, open.anchor, size);
    }

    /// A block list or map "ends" where the next thing begins: go back to where its content ended.
    fn content_end(&self, open: &Open, at: Extent) -> usize {
        if open.flow {
            return at.end;
        }
        let last = match &open.content {
            OpenContent::List(items) => items.last().map(|item| item.at.end),
            OpenContent::Map { entries, .. } => {
                entries.last().map(|entry| entry.value.at.end.max(entry.key.at.end))
            }
        };
        last.unwrap_or(at.start).max(open.start)
    }

    fn alias(&mut self, id: usize, at: Extent) -> Result<(), Stop> {
        let Some(target) = self.anchors.get(&id) else {
            self.count(1, 0, at)?;
            self.problems.error(codes::RECURSIVE_ALIAS, at, "an alias stands inside the value it stands for");
            self.push(self.as_written(at), 0);
            return Ok(());
        };
        let (nodes, bytes, height) = (target.nodes, target.bytes, target.height);
        let node = target.node.clone();
        if self.stack.len() + height > WORKFLOW_DOCUMENT_DEPTH_MAX {
            syntax::too_deep(self.problems, at);
            return Err(Stop);
        }
        self.count(nodes, bytes, at)?;
        self.push(node, height);
        Ok(())
    }

    /// The text of `at` as it stands, for what cannot be read as YAML would have it.
    fn as_written(&self, at: Extent) -> Node {
        let text: Arc<str> = self.source.slice(at).into();
        let value = Value::String(text.clone());
        Node { at, content: Content::Scalar(Scalar { text, value, style: Style::Plain }) }
    }

    fn finish(&mut self, node: Node, anchor: usize, size: Size) {
        if anchor != 0 {
            let Size { nodes, bytes, height } = size;
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, bytes, height });
        }
        self.push(node, size.height);
    }

    fn push(&mut self, node: Node, height: usize) {
        let quiet = self.expression.is_some();
        let Some(parent) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        parent.height = parent.height.max(height);
        match &mut parent.content {
            OpenContent::List(items) => items.push(node),
            OpenContent::Map { entries, keys, pending, merged } => {
                *pending = match std::mem::replace(pending, Pending::Key) {
                    Pending::Key => key(&node, keys, if quiet { None } else { Some(self.problems) }),
                    Pending::Value(key) => {
                        entries.push(Entry { key, value: node });
                        Pending::Key
                    }
                    Pending::Merge => {
                        merged.push(node);
                        Pending::Key
                    }
                    Pending::Refused => Pending::Key,
                };
            }
        }
    }
}

struct Size {
    nodes: usize,
    bytes: usize,
    height: usize,
}

/// What a map waits for once `node` has been read as a key.
fn key(node: &Node, keys: &mut HashMap<Arc<str>, Extent>, problems: Option<&mut Problems<'_>>) -> Pending {
    let Some(scalar) = node.scalar() else {
        if let Some(problems) = problems {
            problems.error(codes::COMPLEX_KEY, node.at, format!("{} cannot be a key", node.describe()));
        }
        return Pending::Refused;
    };
    if scalar.style == Style::Plain && &*scalar.text == "<<" {
        return Pending::Merge;
    }
    if let Some(first) = keys.get(&scalar.text) {
        if let Some(problems) = problems {
            let first = problems.source().span(*first);
            problems
                .error(
                    codes::DUPLICATE_KEY,
                    node.at,
                    format!("key `{}` is written twice", super::shorten(&scalar.text)),
                )
                .hint(format!("it stands at line {}, column {} already", first.line, first.column));
        }
        return Pending::Refused;
    }
    keys.insert(scalar.text.clone(), node.at);
    Pending::Value(Key { text: scalar.text.clone(), at: node.at })
}

/// `<<: *base`: the entries of `base` that the map does not have itself.
fn merge(node: &Node, entries: &mut Vec<Entry>, keys: &mut HashMap<Arc<str>, Extent>) {
    for item in node.items().unwrap_or(std::slice::from_ref(node)) {
        for entry in item.entries().unwrap_or_default() {
            if keys.insert(entry.key.text.clone(), entry.key.at).is_none() {
                entries.push(entry.clone());
            }
        }
    }
}

fn scalar_node(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Extent) -> Node {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    };
    let text: Arc<str> = text.into();
    let plain = match tag.map(Tag::core_suffix) {
        None => style == Style::Plain,
        Some(Some("bool" | "float" | "int" | "null")) => true,
        Some(_) => false,
    };
    let value = if plain { scalar::resolve(&text) } else { Value::String(text.clone()) };
    Node { at, content: Content::Scalar(Scalar { text, value, style }) }
}
