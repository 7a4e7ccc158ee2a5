//! Tree to program. Names become indexes, `&&` and `?.` become jumps, a pattern that is written out becomes a
//! compiled regular expression. What can be refused without values is refused here.

mod operators;

use std::ops::Range;
use std::sync::Arc;

use crate::ast::{Binary, Loop, Node, NodeKind, Pointer};
use crate::budget::Fault;
use crate::error::{Error, ErrorKind};
use crate::functions::{self, Function};
use crate::kinds::{self, Kind, Local};
use crate::program::{Op, Program};
use crate::value::Value;

/// Compiles a tree.
pub(crate) fn compile(node: &Node) -> Result<Program, Error> {
    let mut compiler =
        Compiler { program: Program::default(), locals: Vec::new(), chains: Vec::new(), unchecked: 0 };
    compiler.node(node)?;
    Ok(compiler.program)
}

/// Where a jump will lead is known only later; it is patched then.
const LATER: u32 = u32::MAX;

struct Compiler {
    program: Program,
    /// The `let` variables in sight, the innermost last; the index is the local's number.
    locals: Vec<Local>,
    /// For each `?.` chain under way, the jumps that leave it.
    chains: Vec<Vec<usize>>,
    /// Inside of how many parts this is that the reference does not look into before it evaluates them:
    /// arguments of methods, and what is in the brackets of `$env[…]`. What is wrong there is so only then.
    unchecked: usize,
}

impl Compiler {
    /// Compiles the tree below `node`. It does nothing but dispatch: this is what recursion goes through, and
    /// the smaller its frame, the deeper a tree may be.
    fn node(&mut self, node: &Node) -> Result<(), Error> {
        let span = &node.span;
        match &node.kind {
            NodeKind::Literal(value) => self.constant(value, span),
            NodeKind::Name(name) => self.name(name, span),
            NodeKind::Pointer(pointer) => self.emit(pointer_op(*pointer), span),
            NodeKind::List(nodes) => return self.list(nodes, span),
            NodeKind::Map(pairs) => return self.map(pairs, span),
            NodeKind::Unary(unary, operand) => return self.unary(*unary, operand, span),
            NodeKind::Binary(Binary::And | Binary::Or | Binary::Coalesce, ..) => return self.logic(node),
            NodeKind::Binary(Binary::Matches, left, right) => return self.matches(left, right, span),
            NodeKind::Binary(binary, left, right) => {
                self.node(left)?;
                if let NodeKind::Literal(value) = &right.kind {
                    let constant = self.add_constant(value);
                    self.emit(Op::BinaryConstant { op: *binary, constant }, span);
                    return Ok(());
                }
                self.node(right)?;
                self.emit(Op::Binary(*binary), span);
            }
            NodeKind::Comparison(first, rest) => return self.comparison(first, rest, span),
            NodeKind::Conditional { condition, then, otherwise } => {
                return self.conditional(condition, then.as_deref(), otherwise);
            }
            NodeKind::Member { of, property, optional } => return self.member(of, property, *optional, span),
            NodeKind::Method { .. } => return self.method(node),
            NodeKind::Chain(inner) => return self.chain(inner),
            NodeKind::Slice { of, from, to } => return self.slice(of, from.as_deref(), to.as_deref(), span),
            NodeKind::Call { name, name_span, arguments } => {
                return self.call(name, name_span, arguments, span);
            }
            NodeKind::Loop { kind, list, body, extra } => {
                return self.repeat(*kind, list, body.as_deref(), extra.as_deref(), span);
            }
            NodeKind::Let { name, name_span, value, body } => {
                return self.variable(name, name_span, value, body);
            }
            NodeKind::Sequence(nodes) => return self.sequence(nodes),
        }
        Ok(())
    }

    fn list(&mut self, nodes: &[Node], span: &Range<usize>) -> Result<(), Error> {
        self.all(nodes)?;
        self.emit(Op::List(number(nodes.len())), span);
        Ok(())
    }

    fn map(&mut self, pairs: &[(Node, Node)], span: &Range<usize>) -> Result<(), Error> {
        for (key, value) in pairs {
            self.node(key)?;
            self.node(value)?;
        }
        self.emit(Op::Map(number(pairs.len())), span);
        Ok(())
    }

    fn method(&mut self, node: &Node) -> Result<(), Error> {
        let NodeKind::Method { of, name, arguments, optional } = &node.kind else { return Ok(()) };
        self.node(of)?;
        self.leave_chain_if_nil(*optional, &node.span);
        self.unchecked += 1;
        self.all(arguments)?;
        self.unchecked -= 1;
        let name = self.intern(name);
        self.emit(Op::Method { name, arguments: number(arguments.len()) }, &node.span);
        Ok(())
    }

    fn chain(&mut self, inner: &Node) -> Result<(), Error> {
        self.chains.push(Vec::new());
        let compiled = self.node(inner);
        let jumps = self.chains.pop().unwrap_or_default();
        jumps.into_iter().for_each(|jump| self.patch(jump));
        compiled
    }

    fn slice(
        &mut self,
        of: &Node,
        from: Option<&Node>,
        to: Option<&Node>,
        span: &Range<usize>,
    ) -> Result<(), Error> {
        self.node(of)?;
        let unchecked = usize::from(is_env(of));
        self.unchecked += unchecked;
        for bound in from.into_iter().chain(to) {
            self.node(bound)?;
        }
        self.unchecked -= unchecked;
        self.emit(Op::Slice { from: from.is_some(), to: to.is_some() }, span);
        Ok(())
    }

    fn sequence(&mut self, nodes: &[Node]) -> Result<(), Error> {
        for (i, node) in nodes.iter().enumerate() {
            if i > 0 {
                self.emit(Op::Pop, &node.span);
            }
            self.node(node)?;
        }
        Ok(())
    }

    fn all(&mut self, nodes: &[Node]) -> Result<(), Error> {
        for node in nodes {
            self.node(node)?;
        }
        Ok(())
    }

    fn name(&mut self, name: &Arc<str>, span: &Range<usize>) {
        let op = match self.locals.iter().rposition(|local| local.name == *name) {
            Some(local) => Op::Load(number(local)),
            None if name.as_ref() == "$env" => Op::Env,
            None => Op::Root(self.intern(name)),
        };
        self.emit(op, span);
    }

    fn member(
        &mut self,
        of: &Node,
        property: &Node,
        optional: bool,
        span: &Range<usize>,
    ) -> Result<(), Error> {
        let text = match &property.kind {
            NodeKind::Literal(Value::String(text)) => Some(text),
            _ => None,
        };
        if let (NodeKind::Name(name), Some(text)) = (&of.kind, text) {
            // `$env.x` is `x`, which spares making the map of everything.
            if is_env(of) && !self.is_local(name) {
                let root = self.intern(text);
                self.emit(Op::Root(root), span);
                return Ok(());
            }
        }
        if let (NodeKind::Pointer(Pointer::Item), Some(text), false) = (&of.kind, text, optional) {
            let name = self.intern(text);
            self.emit(Op::ItemMember(name), span);
            return Ok(());
        }
        self.node(of)?;
        self.leave_chain_if_nil(optional, span);
        let op = match text {
            Some(text) => Op::Member(self.intern(text)),
            None => {
                if kinds::kind_of(of) == Some(Kind::Text) {
                    let error = Error::new(ErrorKind::Type, span.clone(), "a text has no elements");
                    return Err(error.with_hint("a part of it is `text[0:1]`"));
                }
                let unchecked = usize::from(is_env(of));
                self.unchecked += unchecked;
                self.node(property)?;
                self.unchecked -= unchecked;
                if kinds::has_any_keys(of, &self.locals) { Op::FetchAny } else { Op::Fetch }
            }
        };
        self.emit(op, span);
        Ok(())
    }

    fn leave_chain_if_nil(&mut self, optional: bool, span: &Range<usize>) {
        if optional {
            let jump = self.emit_jump(Op::JumpIfNil(LATER), span);
            if let Some(jumps) = self.chains.last_mut() {
                jumps.push(jump);
            }
        }
    }

    fn call(
        &mut self,
        name: &str,
        name_span: &Range<usize>,
        arguments: &[Node],
        span: &Range<usize>,
    ) -> Result<(), Error> {
        if let [Node { kind: NodeKind::Loop { kind, list, body, .. }, .. }] = arguments {
            // Nobody sees the list or the map of the loop: it need not be made.
            let instead = match (name, kind) {
                ("len", Loop::Filter) => Some(Loop::Count),
                ("first", Loop::Filter) => Some(Loop::Find),
                ("last", Loop::Filter) => Some(Loop::FindLast),
                ("keys", Loop::GroupBy) => Some(Loop::GroupKeys),
                ("toPairs", Loop::GroupBy) => Some(Loop::GroupPairs),
                _ => None,
            };
            if let Some(kind) = instead {
                return self.repeat(kind, list, body.as_deref(), None, span);
            }
        }
        let found = match functions::find(name) {
            Some(function) => check_count(function, arguments.len(), span).map(|()| function),
            None => Err(functions::unknown_function(name, name_span)),
        };
        let function = match found {
            Ok(function) => function,
            Err(error) if self.unchecked > 0 => {
                self.program.faults.push(Fault::from(error));
                self.emit(Op::Fail(number(self.program.faults.len() - 1)), span);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for argument in arguments {
            self.node(argument)?;
            if name != "toJSON" && kinds::nil_is_empty(argument) {
                self.emit(Op::NilToList, &argument.span);
            }
        }
        self.program.functions.push(function);
        let function = number(self.program.functions.len() - 1);
        self.emit(Op::Call { function, arguments: number(arguments.len()) }, span);
        Ok(())
    }

    fn repeat(
        &mut self,
        kind: Loop,
        list: &Node,
        body: Option<&Node>,
        extra: Option<&Node>,
        span: &Range<usize>,
    ) -> Result<(), Error> {
        let (list, tests) = filtered(kind, list, body);
        let no_list = kinds::kind_of(list).is_some_and(|kind| kind != Kind::List && kind != Kind::Map);
        if no_list && self.unchecked == 0 {
            let message = format!("`{}` goes over a list", kind.name());
            return Err(Error::new(ErrorKind::Type, list.span.clone(), message));
        }
        if let (Loop::Sum, NodeKind::List(nodes), None) = (kind, &list.kind, body)
            && nodes.len() > 1
        {
            return self.sum_of_written(nodes, span);
        }
        self.node(list)?;
        if kinds::nil_is_empty(list) {
            self.emit(Op::NilToList, &list.span);
        }
        extra.into_iter().try_for_each(|node| self.node(node))?;
        self.emit(Op::Begin { kind, extra: extra.is_some() }, span);
        let start = number(self.program.ops.len());
        let next = self.emit_jump(Op::Next(LATER), &list.span);
        for test in tests.into_iter().rev() {
            self.node(test)?;
            self.emit(Op::Branch(start), &test.span);
        }
        match body {
            Some(body) => {
                self.node(body)?;
                self.emit(Op::Step(start), &body.span);
            }
            None => {
                self.emit(Op::Item, &list.span);
                self.emit(Op::Step(start), &list.span);
            }
        }
        self.patch(next);
        self.emit(Op::End, span);
        Ok(())
    }

    /// `sum([a, b, c])` is `a + (b + c)`, and so adds whatever `+` does.
    fn sum_of_written(&mut self, nodes: &[Node], span: &Range<usize>) -> Result<(), Error> {
        self.all(nodes)?;
        for _ in 1..nodes.len() {
            self.emit(Op::Binary(Binary::Add), span);
        }
        Ok(())
    }

    fn variable(
        &mut self,
        name: &Arc<str>,
        name_span: &Range<usize>,
        value: &Node,
        body: &Node,
    ) -> Result<(), Error> {
        self.node(value)?;
        if self.unchecked == 0 && self.is_local(name) {
            let message = format!("variable `{name}` is already declared");
            return Err(Error::syntax(name_span.clone(), message));
        }
        let any_keys = kinds::has_any_keys(value, &self.locals);
        let local = self.declare(Local { name: name.clone(), any_keys });
        self.emit(Op::Store(local), &value.span);
        self.node(body)?;
        self.locals.pop();
        Ok(())
    }

    fn is_local(&self, name: &str) -> bool {
        self.locals.iter().any(|local| local.name.as_ref() == name)
    }

    fn declare(&mut self, local: Local) -> u32 {
        self.locals.push(local);
        self.program.locals = self.program.locals.max(self.locals.len());
        number(self.locals.len() - 1)
    }

    fn constant(&mut self, value: &Value, span: &Range<usize>) {
        let constant = self.add_constant(value);
        self.emit(Op::Constant(constant), span);
    }

    fn add_constant(&mut self, value: &Value) -> u32 {
        self.program.constants.push(value.clone());
        number(self.program.constants.len() - 1)
    }

    fn intern(&mut self, name: &Arc<str>) -> u32 {
        let names = &mut self.program.names;
        number(names.iter().position(|other| other == name).unwrap_or_else(|| {
            names.push(name.clone());
            names.len() - 1
        }))
    }

    fn emit(&mut self, op: Op, span: &Range<usize>) {
        self.program.ops.push(op);
        self.program.spans.push(number(span.start)..number(span.end));
    }

    fn emit_jump(&mut self, op: Op, span: &Range<usize>) -> usize {
        self.emit(op, span);
        self.program.ops.len() - 1
    }

    /// Lets the jump at `index` lead to the next instruction.
    fn patch(&mut self, index: usize) {
        let here = number(self.program.ops.len());
        if let Some(
            Op::Jump(target)
            | Op::JumpIfFalse(target)
            | Op::JumpIfTrue(target)
            | Op::JumpIfNil(target)
            | Op::JumpIfNotNil(target)
            | Op::Branch(target)
            | Op::Next(target),
        ) = self.program.ops.get_mut(index)
        {
            *target = here;
        }
    }
}

/// What `map(filter(list, test), body)` goes over in one loop: `list`, and the tests that an element must pass
/// before it comes to the body, the innermost last. The list of those that pass need not be made; but then
/// `#index` in the body would be the index in `list`.
fn filtered<'n>(kind: Loop, mut list: &'n Node, body: Option<&'n Node>) -> (&'n Node, Vec<&'n Node>) {
    let mut tests = Vec::new();
    let mut after = body;
    while let (Loop::Map | Loop::Filter, Some(body)) = (kind, after) {
        let NodeKind::Loop { kind: Loop::Filter, list: inner, body: Some(test), .. } = &list.kind else {
            break;
        };
        if kinds::reads_index(body) {
            break;
        }
        // As in `test && false` nobody asks for the test then.
        let filters = kind == Loop::Filter || !tests.is_empty();
        if !(filters && kinds::constant(body) == Some(false)) {
            tests.push(test.as_ref());
        }
        after = Some(test);
        list = inner;
    }
    (list, tests)
}

fn pointer_op(pointer: Pointer) -> Op {
    match pointer {
        Pointer::Item => Op::Item,
        Pointer::Index => Op::Index,
        Pointer::Accumulator => Op::Accumulator,
    }
}

pub(crate) fn is_env(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Name(name) if name.as_ref() == "$env")
}

pub(crate) fn check_count(function: &Function, count: usize, span: &Range<usize>) -> Result<(), Error> {
    let (min, max) = function.arguments;
    if (min..=max).contains(&count) {
        return Ok(());
    }
    let wanted = match (min, max) {
        (min, max) if min == max => format!("{min}"),
        (min, usize::MAX) => format!("at least {min}"),
        (min, max) => format!("{min} to {max}"),
    };
    let plural = if wanted == "1" { "argument" } else { "arguments" };
    let message = format!("`{}` takes {wanted} {plural}, not {count}", function.name);
    Err(Error::new(ErrorKind::ArgumentCount, span.clone(), message).with_hint(function.signature))
}

/// Sources are far shorter than 4 GiB, so nothing here is ever cut off.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
