//! Definitions that go before a guarded expression.
//!
//! A built-in function that an expression uses by value (`$map(a, $string)`, `$f := $join`, `$pad(?, 9)`) or whose name
//! it binds itself is replaced by a function of the language that calls the built-in one with guards:
//! `$#join := function($a, $b) { $##join(#argument($a), #last($b, "join", 2)) }`, where `##join` is the built-in one;
//! or by the variable of that name where the data has one.

use super::guard::{BY_ARGUMENTS, BY_RESULT, CLOCK, MAKING, guard_arguments, guard_own_result};
use jsonata_core::ast::{AstNode, BinaryOp};
use std::collections::HashSet;

/// The name under which the prelude reaches the built-in function `name`.
pub(super) fn alias(name: &str) -> String {
    format!("##{name}")
}

/// The name that is bound when the data has a variable `name`, which then hides the function.
pub(super) fn hidden(name: &str) -> String {
    format!("#hidden {name}")
}

/// The name of the guarded function that stands for the built-in function `name`.
pub(super) fn stand_in(name: &str) -> String {
    format!("#{name}")
}

/// `ast` with definitions of `names` before it. A name that is in `bound` is defined under its own name, so that the
/// expression's own bindings hide it where they do.
pub(super) fn before(ast: AstNode, names: &[&'static str], bound: &HashSet<String>) -> AstNode {
    if names.is_empty() {
        return ast;
    }
    let mut statements: Vec<AstNode> = names.iter().map(|name| define(name, bound.contains(*name))).collect();
    statements.push(ast);
    AstNode::Block(statements)
}

fn define(name: &'static str, shadowed: bool) -> AstNode {
    let tables = BY_ARGUMENTS.iter().chain(&BY_RESULT).chain(&MAKING);
    let count = tables.clone().find(|(known, _)| *known == name).map_or(2, |(_, count)| *count);
    let names: Vec<String> = (0..count).map(|index| format!("#p{index}")).collect();
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    let mut args: Vec<AstNode> = names.iter().map(|name| AstNode::variable(*name)).collect();
    let target = if name == "now" {
        args.insert(0, call(CLOCK, Vec::new()));
        "fromMillis".to_owned()
    } else {
        alias(name)
    };
    guard_arguments(name, &mut args);
    let mut body = call(&target, args);
    guard_own_result(&mut body, name);
    let value = AstNode::Conditional {
        condition: Box::new(call("exists", vec![AstNode::variable(hidden(name))])),
        then_branch: Box::new(AstNode::variable(name)),
        else_branch: Some(Box::new(lambda(&names, body))),
    };
    assign(&if shadowed { name.to_owned() } else { stand_in(name) }, value)
}

pub(super) fn call(name: &str, args: Vec<AstNode>) -> AstNode {
    AstNode::Function { name: name.to_owned(), args, is_builtin: true }
}

pub(super) fn assign(name: &str, value: AstNode) -> AstNode {
    AstNode::Binary { op: BinaryOp::ColonEqual, lhs: Box::new(AstNode::variable(name)), rhs: Box::new(value) }
}

pub(super) fn lambda(params: &[&str], body: AstNode) -> AstNode {
    let params = params.iter().map(|name| (*name).to_owned()).collect();
    AstNode::Lambda { params, body: Box::new(body), signature: None, thunk: false }
}
