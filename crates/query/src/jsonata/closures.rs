//! Functions that hold others: which nodes make them, and where a guard must not stand before one.
//!
//! A function holds the values of the variables that it uses. Where an expression makes functions again and again, each can
//! hold the one before, and letting go of the last lets go of all, one within the other: on a thread's own stack some
//! thousands of them would end the process. So they are counted ([`FUNCTION`]), and such an expression is evaluated on a stack
//! that is large enough for all that may be made (`limits::stack_bytes`).

use super::guard::FUNCTION;
use super::prelude::call;
use super::visit::is_partial;
use jsonata_core::ast::{AstNode, BinaryOp};
use std::collections::HashSet;

/// Functions that call one of their arguments and do not give it back, and which that is.
const HIGHER_ORDER: [(&str, usize); 8] =
    [("each", 1), ("filter", 1), ("map", 1), ("reduce", 1), ("replace", 2), ("sift", 1), ("single", 1), ("sort", 1)];

/// Whether what is in the node is evaluated more than once.
pub(super) fn repeats(node: &AstNode) -> bool {
    matches!(
        node,
        AstNode::Lambda { .. }
            | AstNode::Path { .. }
            | AstNode::Sort { .. }
            | AstNode::Transform { .. }
            | AstNode::ObjectTransform { .. }
    )
}

/// Whether the node's value is a function that is new, or may be.
pub(super) fn makes_function(node: &AstNode) -> bool {
    match node {
        AstNode::Lambda { .. } => true,
        AstNode::Function { args, .. } => is_partial(args),
        // With a call on its right it is that call.
        AstNode::Binary { op: BinaryOp::ChainPipe, rhs, .. } => match &**rhs {
            AstNode::Function { args, .. } => is_partial(args),
            _ => true,
        },
        _ => names_function(node),
    }
}

/// Whether the node gives a name to a function that it writes out.
fn names_function(node: &AstNode) -> bool {
    matches!(node, AstNode::Binary { op: BinaryOp::ColonEqual, rhs, .. } if matches!(**rhs, AstNode::Lambda { .. }))
}

/// `x` in `#function(x)`.
fn guarded_function(node: &AstNode) -> Option<&AstNode> {
    match node {
        AstNode::Function { name, args, .. } if name == FUNCTION => args.first(),
        _ => None,
    }
}

/// `#function(x)` → `x`, if the evaluator must see `x` as it is written.
fn unguard(node: &mut AstNode, must_be_seen: impl Fn(&AstNode) -> bool) {
    if guarded_function(node).is_some_and(must_be_seen)
        && let AstNode::Function { args, .. } = node
        && let Some(inner) = args.pop()
    {
        *node = inner;
    }
}

/// The statements of a block see which names those before them give: the guard of such a function comes after it.
fn guard_named(statements: &mut Vec<AstNode>) {
    for mut statement in std::mem::take(statements) {
        let name = match guarded_function(&statement) {
            Some(AstNode::Binary { op: BinaryOp::ColonEqual, lhs, .. }) => Some((**lhs).clone()),
            _ => None,
        };
        unguard(&mut statement, names_function);
        statements.push(statement);
        statements.extend(name.map(|name| call(FUNCTION, vec![name])));
    }
}

/// Takes the guard from functions that the evaluator must see as they are written: one that is called here, and one that
/// gets a name.
pub(super) fn show(node: &mut AstNode, bound: &HashSet<String>) {
    let is_lambda = |node: &AstNode| matches!(node, AstNode::Lambda { .. });
    match node {
        AstNode::Binary { op: BinaryOp::ColonEqual, rhs, .. } => unguard(rhs, is_lambda),
        AstNode::Binary { op: BinaryOp::ChainPipe, rhs, .. } => unguard(rhs, |_| true),
        AstNode::Call { procedure, .. } => unguard(procedure, is_lambda),
        AstNode::Function { name, args, .. } => {
            let Some((_, place)) = HIGHER_ORDER.iter().find(|(known, _)| known == name) else { return };
            // One that takes `$` has its function first.
            let place = (*place).min(args.len().saturating_sub(1));
            if !bound.contains(&**name) {
                args.get_mut(place).into_iter().for_each(|arg| unguard(arg, is_lambda));
            }
        }
        AstNode::Block(statements) => guard_named(statements),
        _ => {}
    }
}
