//! Runs a program: a stack machine whose loops are frames, so that no expression makes it recurse.
//!
//! Every instruction uses up fuel and everything made uses up memory (see `budget`), so a run always ends.

mod frame;

use std::ops::Range;
use std::sync::Arc;

use crate::budget::{Budget, Fault};
use crate::error::Error;
use crate::functions::{Arguments, methods};
use crate::ops::{self, kind};
use crate::program::{Op, Program};
use crate::scope::Scope;
use crate::value::{Map, Value};
use crate::{Context, ErrorKind};

use frame::{Frame, Verdict};

/// Runs `program`; also tells the units of work that took.
pub(crate) fn run(program: &Program, context: &mut Context<'_>) -> (Result<Value, Error>, u64) {
    let scope = context.scope;
    let mut machine = Machine {
        program,
        scope,
        stack: Vec::with_capacity(8),
        locals: vec![Value::Nil; program.locals],
        frames: Vec::new(),
        budget: Budget::new(context),
        at: 0,
    };
    let result = machine.run().map_err(|fault| fault.at(machine.span()));
    (result, machine.budget.used())
}

struct Machine<'p, 'c> {
    program: &'p Program,
    scope: &'c dyn Scope,
    stack: Vec<Value>,
    locals: Vec<Value>,
    frames: Vec<Frame>,
    budget: Budget<'c>,
    /// The next instruction.
    at: usize,
}

impl Machine<'_, '_> {
    /// What the instruction under way is about.
    fn span(&self) -> Range<usize> {
        let span = self.program.spans.get(self.at.saturating_sub(1)).cloned().unwrap_or_default();
        span.start as usize..span.end as usize
    }

    fn run(&mut self) -> Result<Value, Fault> {
        let program = self.program;
        while let Some(op) = program.ops.get(self.at) {
            self.at += 1;
            self.budget.work(1)?;
            self.op(*op)?;
        }
        let result = self.pop();
        self.budget.admit(&result)?;
        Ok(result)
    }

    /// The instructions of which loops over long lists are made; all others are in `other`.
    #[inline]
    fn op(&mut self, op: Op) -> Result<(), Fault> {
        let program = self.program;
        match op {
            Op::Constant(constant) => self.stack.push(program.constants[constant as usize].clone()),
            Op::Root(name) => match self.scope.root(&program.names[name as usize]) {
                Some(root) => {
                    let Self { stack, budget, at, .. } = self;
                    stack.push(follow(root, program, at, budget)?);
                }
                None => self.stack.push(Value::Nil),
            },
            Op::Member(name) => {
                self.unary(|value, _| ops::member(value, &program.names[name as usize]).cloned())?;
            }
            Op::Item => {
                let item = self.frame()?.item()?.clone();
                self.stack.push(item);
            }
            Op::ItemMember(name) => {
                let Self { frames, stack, budget, at, .. } = self;
                let item = frames.last().ok_or_else(broken)?.item()?;
                let member = ops::member(item, &program.names[name as usize])?;
                stack.push(follow(member, program, at, budget)?);
            }
            Op::BinaryConstant { op, constant } => {
                let right = &program.constants[constant as usize];
                self.unary(|left, budget| ops::binary(op, left, right, budget))?;
            }
            Op::Binary(op) => self.binary(|left, right, budget| ops::binary(op, left, right, budget))?,
            Op::Next(end) => {
                if !self.frame()?.advance() {
                    self.at = end as usize;
                }
            }
            Op::Step(start) => {
                let value = self.pop();
                let Some(frame) = self.frames.last_mut() else { return Err(broken()) };
                if frame.step(value, &mut self.budget)? == Verdict::GoOn {
                    self.at = start as usize;
                }
            }
            Op::Jump(_)
            | Op::JumpIfFalse(_)
            | Op::JumpIfTrue(_)
            | Op::JumpIfNil(_)
            | Op::JumpIfNotNil(_)
            | Op::Branch(_) => self.jump(op)?,
            op => self.other(op)?,
        }
        Ok(())
    }

    fn other(&mut self, op: Op) -> Result<(), Fault> {
        let program = self.program;
        match op {
            Op::Env => self.env()?,
            Op::Load(local) => self.stack.push(self.locals[local as usize].clone()),
            Op::Store(local) => self.locals[local as usize] = self.pop(),
            Op::Index => {
                let index = self.frame()?.index;
                self.stack.push(Value::Int(index as i64));
            }
            Op::Accumulator => {
                let accumulator = self.frame()?.accumulator.clone();
                self.stack.push(accumulator);
            }
            Op::Fetch => self.binary(|of, property, budget| {
                budget.read(std::slice::from_ref(property))?;
                ops::fetch(of, property)
            })?,
            Op::FetchAny => self.binary(|of, property, budget| {
                budget.read(std::slice::from_ref(property))?;
                ops::fetch_any(of, property)
            })?,
            Op::Slice { from, to } => {
                let to = to.then(|| self.pop());
                let from = from.then(|| self.pop());
                self.unary(|value, budget| ops::slice(value, from.as_ref(), to.as_ref(), budget))?;
            }
            Op::Pop => drop(self.pop()),
            Op::Unary(unary) => self.unary(|value, _| ops::unary(unary, value))?,
            Op::Matches(regex) => {
                let regex = &program.regexes[regex as usize];
                self.unary(|value, budget| ops::matches(value, regex, budget))?;
            }
            Op::NilToList => self.unary(|value, _| match value {
                Value::Nil => Ok(Vec::new().into()),
                value => Ok(value.clone()),
            })?,
            Op::Fail(fault) => return Err(program.faults[fault as usize].clone()),
            Op::List(count) => {
                let start = self.start_of(count)?;
                let list = self.stack.split_off(start);
                let list = self.budget.list(list)?;
                self.stack.push(list);
            }
            Op::Map(count) => self.map(count)?,
            Op::Call { function, arguments } => self.call(function, arguments)?,
            Op::Method { name, arguments } => self.method(name, arguments)?,
            Op::Begin { kind, extra } => {
                let extra = extra.then(|| self.pop());
                let list = self.pop();
                self.frames.push(Frame::new(kind, list, extra, &mut self.budget)?);
            }
            Op::End => {
                let Some(frame) = self.frames.pop() else { return Err(broken()) };
                let result = frame.finish(&mut self.budget)?;
                self.stack.push(result);
            }
            // All that is left is in `op`.
            _ => return Err(broken()),
        }
        Ok(())
    }

    fn jump(&mut self, op: Op) -> Result<(), Fault> {
        let Some(top) = self.stack.last() else {
            if let Op::Jump(target) = op {
                self.at = target as usize;
            }
            return Ok(());
        };
        let (taken, target) = match op {
            Op::JumpIfFalse(target) => (!truth(top)?, target),
            Op::JumpIfTrue(target) => (truth(top)?, target),
            Op::JumpIfNil(target) => (top.is_nil(), target),
            Op::JumpIfNotNil(target) => (!top.is_nil(), target),
            Op::Jump(target) => (true, target),
            Op::Branch(target) => {
                let branch = !truth(top)?;
                self.stack.pop();
                (branch, target)
            }
            _ => return Err(broken()),
        };
        if taken {
            self.at = target as usize;
        }
        Ok(())
    }

    fn env(&mut self) -> Result<(), Fault> {
        let names = self.scope.names();
        let mut map = Map::with_capacity(names.len());
        for name in names {
            map.insert(Arc::from(name), self.scope.root(name).cloned().unwrap_or_default());
        }
        let map = self.budget.map(map)?;
        self.stack.push(map);
        Ok(())
    }

    fn map(&mut self, count: u32) -> Result<(), Fault> {
        let start = self.start_of(count.saturating_mul(2))?;
        let mut map = Map::with_capacity(count as usize);
        let mut entries = self.stack.drain(start..);
        while let (Some(key), Some(value)) = (entries.next(), entries.next()) {
            let Value::String(key) = key else {
                return Err(Fault::types(format!("the key of a map is a text, not {}", kind(&key))));
            };
            // As in the reference the first of two equal keys stays.
            map.entry(key).or_insert(value);
        }
        drop(entries);
        let map = self.budget.map(map)?;
        self.stack.push(map);
        Ok(())
    }

    fn call(&mut self, function: u32, arguments: u32) -> Result<(), Fault> {
        let function = self.program.functions[function as usize];
        let start = self.start_of(arguments)?;
        self.budget.read(&self.stack[start..])?;
        let arguments = Arguments { function: function.name, values: &self.stack[start..] };
        let result = (function.run)(arguments, &mut self.budget)?;
        self.stack.truncate(start);
        self.stack.push(result);
        Ok(())
    }

    fn method(&mut self, name: u32, arguments: u32) -> Result<(), Fault> {
        let name = &self.program.names[name as usize];
        let start = self.start_of(arguments)?;
        let Some(of) = start.checked_sub(1).map(|of| &self.stack[of]) else { return Err(broken()) };
        let arguments = Arguments { function: name, values: &self.stack[start..] };
        let result = methods::call(of, arguments, &mut self.budget)?;
        self.stack.truncate(start);
        self.stack.pop();
        self.stack.push(result);
        Ok(())
    }

    fn unary(
        &mut self,
        run: impl FnOnce(&Value, &mut Budget<'_>) -> Result<Value, Fault>,
    ) -> Result<(), Fault> {
        let Some(top) = self.stack.last_mut() else { return Err(broken()) };
        *top = run(top, &mut self.budget)?;
        Ok(())
    }

    fn binary(
        &mut self,
        run: impl FnOnce(&Value, &Value, &mut Budget<'_>) -> Result<Value, Fault>,
    ) -> Result<(), Fault> {
        let right = self.pop();
        let Some(left) = self.stack.last_mut() else { return Err(broken()) };
        *left = run(left, &right, &mut self.budget)?;
        Ok(())
    }

    fn frame(&mut self) -> Result<&mut Frame, Fault> {
        self.frames.last_mut().ok_or_else(broken)
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or_default()
    }

    /// Where on the stack the last `count` values begin.
    fn start_of(&self, count: u32) -> Result<usize, Fault> {
        self.stack.len().checked_sub(count as usize).ok_or_else(broken)
    }
}

/// What the instructions from `at` on make of `value`, as far as they only read on from it: its members and elements,
/// and a comparison with a constant. Nothing on the way is copied, not even a counter.
fn follow(
    mut value: &Value,
    program: &Program,
    at: &mut usize,
    budget: &mut Budget<'_>,
) -> Result<Value, Fault> {
    loop {
        match (program.ops.get(*at), program.ops.get(*at + 1)) {
            (Some(Op::Member(name)), _) => {
                *at += 1;
                budget.work(1)?;
                value = ops::member(value, &program.names[*name as usize])?;
            }
            (Some(Op::Constant(index)), Some(Op::Fetch)) => {
                let Value::List(list) = value else { break };
                *at += 2;
                budget.work(2)?;
                value = ops::element(list, &program.constants[*index as usize])?;
            }
            (Some(Op::BinaryConstant { op, constant }), _) => {
                *at += 1;
                budget.work(1)?;
                return ops::binary(*op, value, &program.constants[*constant as usize], budget);
            }
            _ => break,
        }
    }
    Ok(value.clone())
}

/// The truth value that a condition must be.
fn truth(value: &Value) -> Result<bool, Fault> {
    match value {
        Value::Bool(bool) => Ok(*bool),
        other => Err(Fault::types(format!("a condition is a truth value, not {}", kind(other)))
            .with_hint("compare it: `x != nil`, `len(x) > 0`")),
    }
}

/// The compiler never makes a program that comes here; better an error than a panic if it does.
fn broken() -> Fault {
    Fault::new(ErrorKind::Syntax, "the compiled expression is broken")
}
