//! What the compiler makes and the machine runs: instructions, their constants, and where in the source each
//! instruction comes from.

use std::ops::Range;
use std::sync::Arc;

use regex::Regex;

use crate::ast::{Binary, Loop, Unary};
use crate::budget::Fault;
use crate::functions::Function;
use crate::value::Value;

/// A compiled expression.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) ops: Vec<Op>,
    /// For each instruction the bytes of the source that an error there is about.
    pub(crate) spans: Vec<Range<u32>>,
    pub(crate) constants: Vec<Value>,
    /// Names of roots, members and methods.
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) functions: Vec<&'static Function>,
    pub(crate) regexes: Vec<Regex>,
    /// What is known to be wrong, but only if it is ever evaluated.
    pub(crate) faults: Vec<Fault>,
    /// How many `let` variables are alive at most.
    pub(crate) locals: usize,
}

/// An instruction. Operands are on the stack, the last one on top; "pops" and "pushes" are about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Op {
    /// Pushes a constant.
    Constant(u32),
    /// Pushes a root.
    Root(u32),
    /// Pushes a map of all roots.
    Env,
    /// Pushes a local.
    Load(u32),
    /// Pops into a local.
    Store(u32),
    /// Pushes the element of the innermost loop.
    Item,
    /// Pushes a member of that element: `Item` and `Member` in one, without a copy between them.
    ItemMember(u32),
    /// Pushes the index of that element.
    Index,
    /// Pushes what the innermost `reduce` has so far.
    Accumulator,
    /// Pops a value, pushes its member.
    Member(u32),
    /// Pops a property and a value, pushes the value's element.
    Fetch,
    /// As `Fetch`, of a map that may be asked for keys of any type.
    FetchAny,
    /// Pops the bounds that are given (to above from) and a value, pushes the part between them.
    Slice { from: bool, to: bool },
    /// Pops.
    Pop,
    /// Goes on elsewhere.
    Jump(u32),
    /// Goes on elsewhere if the top is false. It must be a truth value.
    JumpIfFalse(u32),
    /// Goes on elsewhere if the top is true. It must be a truth value.
    JumpIfTrue(u32),
    /// Goes on elsewhere if the top is nil.
    JumpIfNil(u32),
    /// Goes on elsewhere if the top is not nil.
    JumpIfNotNil(u32),
    /// Pops a truth value, goes on elsewhere if it is false.
    Branch(u32),
    /// Pops one, pushes one.
    Unary(Unary),
    /// Pops two, pushes one.
    Binary(Binary),
    /// `Constant` and `Binary` in one: the right operand is a constant, as it is so often.
    BinaryConstant { op: Binary, constant: u32 },
    /// Pops a text, pushes whether the regular expression matches it.
    Matches(u32),
    /// Makes an empty list of the top if that is nil.
    NilToList,
    /// Ends with a fault.
    Fail(u32),
    /// Pops that many, pushes the list of them.
    List(u32),
    /// Pops that many pairs (value above key), pushes the map of them.
    Map(u32),
    /// Pops the arguments, pushes what the function makes of them.
    Call { function: u32, arguments: u32 },
    /// Pops the arguments and a value, pushes what the method makes of them.
    Method { name: u32, arguments: u32 },
    /// Pops the third argument if there is one, then the list; starts a loop over it.
    Begin { kind: Loop, extra: bool },
    /// Steps to the loop's next element, or goes on at its `End` if there is none.
    Next(u32),
    /// Pops the body's value and takes it in; goes back to the loop's `Next` unless that decided the loop.
    Step(u32),
    /// Ends the loop, pushes its result.
    End,
}
