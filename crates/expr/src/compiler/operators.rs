//! Operators: those that may jump over an operand, those that are known beforehand, chained comparisons.

use std::ops::Range;

use super::{Compiler, LATER, number};
use crate::ast::{Binary, Node, NodeKind, Unary};
use crate::error::{Error, ErrorKind};
use crate::kinds::{self, Folded, Kind, Local};
use crate::ops;
use crate::program::Op;
use crate::value::Value;

impl Compiler {
    pub(super) fn unary(&mut self, unary: Unary, operand: &Node, span: &Range<usize>) -> Result<(), Error> {
        if let (Unary::Negate, NodeKind::Literal(literal @ (Value::Int(_) | Value::Float(_)))) =
            (unary, &operand.kind)
        {
            let value = ops::negate(literal).map_err(|fault| fault.at(span.clone()))?;
            self.constant(&value, span);
            return Ok(());
        }
        self.node(operand)?;
        self.emit(Op::Unary(unary), span);
        Ok(())
    }

    /// `&&`, `||` and `??`, whose right operand may be jumped over.
    pub(super) fn logic(&mut self, node: &Node) -> Result<(), Error> {
        let NodeKind::Binary(op, left, right) = &node.kind else { return Ok(()) };
        let jump = match op {
            Binary::And => Op::JumpIfFalse(LATER),
            Binary::Or => Op::JumpIfTrue(LATER),
            _ => Op::JumpIfNotNil(LATER),
        };
        if *op != Binary::Coalesce {
            self.truth_value(op.as_str(), left)?;
            self.truth_value(op.as_str(), right)?;
            match kinds::fold(*op, left, right) {
                Some(Folded::Bool(bool)) => {
                    self.constant(&Value::Bool(bool), &node.span);
                    return Ok(());
                }
                Some(Folded::Operand(operand)) => return self.node(operand),
                None => {}
            }
        }
        self.node(left)?;
        let jump = self.emit_jump(jump, &left.span);
        self.emit(Op::Pop, &left.span);
        self.node(right)?;
        self.patch(jump);
        Ok(())
    }

    /// Refuses `operand` if it is certainly not the truth value that `operator` takes.
    fn truth_value(&self, operator: &str, operand: &Node) -> Result<(), Error> {
        match kinds::kind_of(operand) {
            Some(kind) if kind != Kind::Bool && self.unchecked == 0 => {
                let message = format!("`{operator}` takes truth values, not {}", kind.as_str());
                Err(Error::new(ErrorKind::Type, operand.span.clone(), message))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn matches(&mut self, left: &Node, right: &Node, span: &Range<usize>) -> Result<(), Error> {
        self.node(left)?;
        let NodeKind::Literal(Value::String(pattern)) = &right.kind else {
            self.node(right)?;
            self.emit(Op::Binary(Binary::Matches), span);
            return Ok(());
        };
        let regex = ops::regex(pattern).map_err(|fault| fault.at(right.span.clone()))?;
        self.program.regexes.push(regex);
        self.emit(Op::Matches(number(self.program.regexes.len() - 1)), span);
        Ok(())
    }

    /// `a < b < c`: what is compared twice waits in a local meanwhile.
    pub(super) fn comparison(
        &mut self,
        first: &Node,
        rest: &[(Binary, Node)],
        span: &Range<usize>,
    ) -> Result<(), Error> {
        let local = self.declare(Local { name: "".into(), any_keys: false });
        self.node(first)?;
        let mut jumps = Vec::new();
        for (i, (binary, operand)) in rest.iter().enumerate() {
            if i > 0 {
                jumps.push(self.emit_jump(Op::JumpIfFalse(LATER), span));
                self.emit(Op::Pop, span);
                self.emit(Op::Load(local), span);
            }
            self.node(operand)?;
            if i + 1 < rest.len() {
                self.emit(Op::Store(local), &operand.span);
                self.emit(Op::Load(local), &operand.span);
            }
            self.emit(Op::Binary(*binary), span);
        }
        jumps.into_iter().for_each(|jump| self.patch(jump));
        self.locals.pop();
        Ok(())
    }

    pub(super) fn conditional(
        &mut self,
        condition: &Node,
        then: Option<&Node>,
        otherwise: &Node,
    ) -> Result<(), Error> {
        self.node(condition)?;
        let Some(then) = then else {
            let done = self.emit_jump(Op::JumpIfTrue(LATER), &condition.span);
            self.emit(Op::Pop, &condition.span);
            self.node(otherwise)?;
            self.patch(done);
            return Ok(());
        };
        let branch = self.emit_jump(Op::Branch(LATER), &condition.span);
        self.node(then)?;
        let done = self.emit_jump(Op::Jump(LATER), &then.span);
        self.patch(branch);
        self.node(otherwise)?;
        self.patch(done);
        Ok(())
    }
}
