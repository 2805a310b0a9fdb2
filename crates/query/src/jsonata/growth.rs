//! What the nodes of an expression can make, and what they go through: told by the tree, before there are values.

use super::guard::{BY_ARGUMENTS, BY_RESULT, MAKING, is_in};
use super::visit::each_child;
use jsonata_core::ast::{AstNode, BinaryOp, PathStep};
use jsonata_core::value::with_stack;

/// As many `&` and calls of [`MAKING`] need no guard: the input times this is not much.
const FREE_COPIES: usize = 8;

/// What in an expression can grow.
#[derive(Default)]
pub(super) struct Growth {
    certain: bool,
    copies: usize,
}

impl Growth {
    pub(super) fn look(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Lambda { .. }
            | AstNode::Transform { .. }
            | AstNode::ObjectTransform { .. }
            | AstNode::Descendant
            | AstNode::Binary { op: BinaryOp::ColonEqual | BinaryOp::Range, .. } => self.certain = true,
            AstNode::Binary { op: BinaryOp::Concatenate, .. } => self.copies += 1,
            AstNode::Function { name, .. } | AstNode::Variable(name) => {
                self.copies += usize::from(is_in(&MAKING, name));
                self.certain |= is_in(&BY_ARGUMENTS, name) || is_in(&BY_RESULT, name) || name == "now";
            }
            AstNode::Path { steps } => {
                self.certain |= steps.iter().any(|step| step.focus.is_some())
                    || steps.iter_mut().skip(1).any(|step| each_made(&mut step.node, &mut |_| {}));
            }
            _ => {}
        }
        each_child(node, &mut |child| self.look(child));
    }

    pub(super) fn is_possible(&self) -> bool {
        self.certain || self.copies > FREE_COPIES
    }
}

/// Whether the node makes a new value as large as what it reads, and has no guard yet.
pub(super) fn is_made(node: &AstNode) -> bool {
    match node {
        AstNode::Path { steps } => steps.len() > 1 || steps.iter().any(|step| !step.stages.is_empty()),
        AstNode::Binary { op: BinaryOp::Range, .. } | AstNode::Sort { .. } | AstNode::FunctionApplication(_) => true,
        _ => false,
    }
}

/// Calls `visit` for what a step of a path gives for each item, where that can be more than the item: a variable, a
/// path, a call of a function of the expression's own. Says whether there is any, constructors included.
pub(super) fn each_made(node: &mut AstNode, visit: &mut dyn FnMut(&mut AstNode)) -> bool {
    with_stack(|| match node {
        AstNode::FunctionApplication(inner) => each_made(inner, visit),
        AstNode::Block(items) => items.last_mut().is_some_and(|last| each_made(last, visit)),
        AstNode::Conditional { then_branch, else_branch, .. } => {
            let made = each_made(then_branch, visit);
            else_branch.iter_mut().fold(made, |made, branch| each_made(branch, visit) || made)
        }
        AstNode::Variable(name) if name.is_empty() => false,
        AstNode::Variable(_) | AstNode::Path { .. } | AstNode::Call { .. } => {
            visit(node);
            true
        }
        AstNode::Function { name, .. } => {
            let own = !name.starts_with('#') && !jsonata_is_scalar(name);
            if own {
                visit(node);
            }
            own
        }
        AstNode::Array(_) | AstNode::ArrayGroup(_) | AstNode::Object(_) => true,
        _ => false,
    })
}

/// Functions whose result is never larger than a number or a short text.
fn jsonata_is_scalar(name: &str) -> bool {
    const SCALAR: [&str; 20] = [
        "abs",
        "average",
        "boolean",
        "ceil",
        "count",
        "exists",
        "floor",
        "formatBase",
        "length",
        "max",
        "min",
        "not",
        "number",
        "parseInteger",
        "power",
        "round",
        "sqrt",
        "sum",
        "toMillis",
        "type",
    ];
    SCALAR.contains(&name)
}

/// Fuel for each value that an expression reads: how often its nodes go through what they are given without a look at the
/// clock. Where nothing can grow, nothing else is larger than what is read.
pub(super) fn value_fuel(node: &mut AstNode) -> u64 {
    /// Once through; writing it as text; sorting it; a tuple for each item of a path with `@`, `#` or `%`.
    const WALK_FUEL: u64 = 20;
    const TEXT_FUEL: u64 = 150;
    const SORT_FUEL: u64 = 250;
    const TUPLE_FUEL: u64 = 300;
    let mut fuel = match node {
        AstNode::Binary { op: BinaryOp::Concatenate, .. } => TEXT_FUEL,
        AstNode::Sort { .. } => SORT_FUEL,
        AstNode::Function { name, .. } if name == "sort" => SORT_FUEL,
        AstNode::Function { name, .. } if name == "string" => TEXT_FUEL,
        AstNode::Binary { op: BinaryOp::Equal | BinaryOp::NotEqual | BinaryOp::In, .. }
        | AstNode::Transform { .. }
        | AstNode::ObjectTransform { .. }
        | AstNode::Descendant
        | AstNode::Wildcard
        | AstNode::Function { .. } => WALK_FUEL,
        AstNode::Path { steps } => {
            let tuples = steps.iter().filter(|step| has_tuples(step)).count() as u64;
            tuples * TUPLE_FUEL + steps.len().saturating_sub(1) as u64 * WALK_FUEL
        }
        _ => 0,
    };
    each_child(node, &mut |child| fuel = fuel.saturating_add(value_fuel(child)));
    fuel
}

fn has_tuples(step: &PathStep) -> bool {
    step.is_tuple || step.focus.is_some() || step.index_var.is_some() || step.ancestor_label.is_some()
}
