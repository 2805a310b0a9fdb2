//! Plants guards in an expression where values grow faster than the evaluator's clock runs.
//!
//! The tree is rewritten once, when the expression is parsed. Guards are calls of functions that no expression
//! can spell; they give their argument back unchanged, or end the evaluation through the [`Meter`](super::limits::Meter):
//!
//! | in the expression | becomes | because |
//! |---|---|---|
//! | `[x]`, `{"k": x}`, grouping | `[#value(x)]` … | a value that holds another several times grows twofold a level |
//! | `x & y` | `#text(x) & #text(y)` | doubling |
//! | `$pad(s, n)` | `$pad(#argument(s), #last(n, "pad", 2))` | the size of the result is known from the arguments |
//! | `$map(a, f)` | `#value($map(a, f))` | a large value for each item |
//! | `\|location\|update\|` | a function that applies it to `#value(x)` | it copies |
//! | `$join` by value | a function of the language that calls `$join` with guards | functions by value carry no guards |
//! | `$now(p, z)` | `$fromMillis(#clock(), p, z)` | time comes from the [`Ambient`](crate::Ambient) |
//!
//! An expression in which nothing can grow (paths, comparisons, arithmetic, a few `&`) is left as it is.

use super::visit::each_child;
use jsonata_core::ast::{AstNode, BinaryOp};
use jsonata_core::value::with_stack;
use std::collections::{BTreeSet, HashSet};

/// `#value(x)`: a value that becomes part of another.
pub(super) const VALUE: &str = "#value";
/// `#text(x)`: a value that becomes part of a text.
pub(super) const TEXT: &str = "#text";
/// `#argument(x)`: an argument of a guarded function, but not its last.
pub(super) const ARGUMENT: &str = "#argument";
/// `#last(x, name, count)`: the last of `count` arguments of the guarded function `name`.
pub(super) const LAST: &str = "#last";
/// `#clock()`: the time of the evaluation in milliseconds.
pub(super) const NOW: &str = "#clock";
/// `#dated(text, components)`: the text with components of the evaluation's date before it.
pub(super) const DATED: &str = "#dated";

/// Functions whose arguments tell what they cost, with the number of parameters that a higher-order function gives them.
const BY_ARGUMENTS: [(&str, usize); 12] = [
    ("contains", 2),
    ("distinct", 1),
    ("formatInteger", 2),
    ("formatNumber", 2),
    ("fromMillis", 3),
    ("join", 2),
    ("match", 2),
    ("pad", 3),
    ("replace", 4),
    ("split", 3),
    ("string", 1),
    ("toMillis", 2),
];
/// Functions that take `$` as their first argument when they get one less than this.
const SURROUNDED: [(&str, usize); 6] =
    [("contains", 2), ("formatInteger", 2), ("match", 2), ("replace", 3), ("split", 2), ("string", 1)];
/// Functions that give a large value for each item.
const BY_RESULT: [(&str, usize); 2] = [("each", 2), ("map", 2)];
/// As many `&` need no guard: the input times this is not much.
const FREE_CONCATENATIONS: usize = 8;

/// The guarded tree, and which built-in functions its prelude needs under another name (see [`alias`]).
pub(super) struct Guarded {
    pub(super) ast: AstNode,
    /// Whether there are guards at all.
    pub(super) metered: bool,
    pub(super) aliases: Vec<&'static str>,
}

/// The name under which a prelude reaches the built-in function `name`.
pub(super) fn alias(name: &str) -> String {
    format!("##{name}")
}

/// The name of the guarded function of the prelude that stands for the built-in function `name`.
fn stand_in(name: &str) -> String {
    format!("#{name}")
}

/// Plants the guards. `bound` are the names that the expression binds itself.
pub(super) fn guard(mut ast: AstNode, bound: &HashSet<String>) -> Guarded {
    let mut growth = Growth::default();
    growth.look(&mut ast);
    if !growth.is_possible() {
        return Guarded { ast, metered: false, aliases: Vec::new() };
    }
    let mut planter = Planter { bound, by_value: BTreeSet::new() };
    planter.rewrite(&mut ast);
    let aliases: Vec<&'static str> = guarded_names().filter(|name| planter.needs_prelude(name)).collect();
    let mut statements: Vec<AstNode> = aliases.iter().map(|name| define(name, bound.contains(*name))).collect();
    if !statements.is_empty() {
        statements.push(ast);
        ast = AstNode::Block(statements);
    }
    Guarded { ast, metered: true, aliases }
}

fn guarded_names() -> impl Iterator<Item = &'static str> {
    BY_ARGUMENTS.iter().chain(&BY_RESULT).map(|(name, _)| *name).chain(["now"])
}

/// What in an expression can grow.
#[derive(Default)]
struct Growth {
    certain: bool,
    concatenations: usize,
}

impl Growth {
    fn look(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Lambda { .. }
            | AstNode::Transform { .. }
            | AstNode::ObjectTransform { .. }
            | AstNode::Descendant
            | AstNode::Binary { op: BinaryOp::ColonEqual | BinaryOp::Range, .. } => self.certain = true,
            AstNode::Binary { op: BinaryOp::Concatenate, .. } => self.concatenations += 1,
            AstNode::Function { name, .. } | AstNode::Variable(name) => {
                self.certain |= guarded_names().any(|guarded| guarded == name);
            }
            _ => {}
        }
        each_child(node, &mut |child| self.look(child));
    }

    fn is_possible(&self) -> bool {
        self.certain || self.concatenations > FREE_CONCATENATIONS
    }
}

struct Planter<'a> {
    bound: &'a HashSet<String>,
    by_value: BTreeSet<&'static str>,
}

impl Planter<'_> {
    fn needs_prelude(&self, name: &str) -> bool {
        self.by_value.contains(name) || self.bound.contains(name)
    }

    fn rewrite(&mut self, node: &mut AstNode) {
        with_stack(|| {
            flatten_chain(node);
            let keeps = gives_filtered_result(node);
            each_child(node, &mut |child| {
                if keeps && matches!(child, AstNode::Function { .. }) {
                    each_child(child, &mut |argument| self.rewrite(argument));
                } else {
                    self.rewrite(child);
                }
            });
            self.rewrite_own(node);
            if keeps {
                wrap(node, VALUE);
            }
        });
    }

    fn rewrite_own(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Array(items) | AstNode::ArrayGroup(items) => {
                items.iter_mut().filter(|item| !is_array_constructor(item)).for_each(|item| wrap(item, VALUE));
            }
            AstNode::Object(pairs) | AstNode::ObjectTransform { pattern: pairs, .. } => {
                pairs.iter_mut().for_each(|(_, value)| wrap(value, VALUE));
            }
            AstNode::Binary { op: BinaryOp::Concatenate, lhs, rhs } => {
                for operand in [lhs, rhs] {
                    if !matches!(**operand, AstNode::Binary { op: BinaryOp::Concatenate, .. }) {
                        wrap(operand, TEXT);
                    }
                }
            }
            AstNode::Lambda { body, .. } => wrap_result(body, VALUE),
            AstNode::Transform { .. } => transform_of_checked(node),
            AstNode::Variable(name) => {
                if let Some(guarded) = self.unshadowed(name) {
                    self.by_value.insert(guarded);
                    *name = stand_in(guarded);
                }
            }
            AstNode::Function { .. } => self.rewrite_call(node),
            _ => {}
        }
    }

    /// The guarded function that `name` certainly means.
    fn unshadowed(&self, name: &str) -> Option<&'static str> {
        guarded_names().find(|guarded| *guarded == name && !self.bound.contains(name))
    }

    fn rewrite_call(&mut self, node: &mut AstNode) {
        let AstNode::Function { name, args, is_builtin: true } = node else { return };
        let Some(guarded) = self.unshadowed(name) else { return };
        if args.iter().any(|arg| matches!(arg, AstNode::Placeholder)) {
            self.by_value.insert(guarded);
            *name = stand_in(guarded);
        } else if guarded == "now" {
            "fromMillis".clone_into(name);
            args.insert(0, call(NOW, Vec::new()));
            guard_arguments("fromMillis", args);
        } else if BY_RESULT.iter().any(|(name, _)| *name == guarded) {
            wrap(node, VALUE);
        } else {
            guard_arguments(guarded, args);
        }
    }
}

/// `x ~> $f(y)` is `$f(x, y)`; written so, it has arguments to guard.
fn flatten_chain(node: &mut AstNode) {
    let AstNode::Binary { op: BinaryOp::ChainPipe, lhs, rhs } = node else { return };
    let function = match &mut **rhs {
        AstNode::Path { steps } => match steps.as_mut_slice() {
            [step] => &mut step.node,
            _ => return,
        },
        other => other,
    };
    let AstNode::Function { name, args, .. } = function else { return };
    let guarded = guarded_names().any(|guarded| guarded == name);
    if !guarded || args.iter().any(|arg| matches!(arg, AstNode::Placeholder)) {
        return;
    }
    args.insert(0, std::mem::replace(lhs, AstNode::Undefined));
    *node = std::mem::replace(rhs, AstNode::Undefined);
}

/// Whether the node is `$map(…)[]` or alike: the filters and `[]` must see the result itself, so the guard goes around
/// all of it.
fn gives_filtered_result(node: &AstNode) -> bool {
    let AstNode::Path { steps } = node else { return false };
    let [step] = steps.as_slice() else { return false };
    let AstNode::Function { name, args, .. } = &step.node else { return false };
    let partial = args.iter().any(|arg| matches!(arg, AstNode::Placeholder));
    !partial && BY_RESULT.iter().any(|(known, _)| known == name)
}

/// `$join(a, s)` → `$join(#argument(a), #last(s, "join", 2))`.
fn guard_arguments(name: &'static str, args: &mut Vec<AstNode>) {
    let needed = SURROUNDED.iter().find(|(known, _)| *known == name).map_or(0, |(_, needed)| *needed);
    if args.len() + 1 == needed && !args.iter().any(|arg| matches!(arg, AstNode::Number(_))) {
        // The function takes what surrounds it: `$`.
        args.insert(0, AstNode::Variable(String::new()));
    }
    if name == "toMillis" {
        date_time_only(args);
    }
    if name == "replace"
        && let Some(replacement) = args.get_mut(2)
    {
        guard_replacement(replacement);
    }
    let count = args.len();
    for (index, arg) in args.iter_mut().enumerate() {
        let inner = std::mem::replace(arg, AstNode::Undefined);
        *arg = if index + 1 < count {
            call(ARGUMENT, vec![inner])
        } else {
            #[expect(clippy::cast_precision_loss, reason = "an expression has few arguments")]
            let count = AstNode::Number(count as f64);
            call(LAST, vec![inner, AstNode::string(name), count])
        };
    }
}

/// What a picture leaves out of the date comes from today, and today comes from the ambient: it is written before the
/// text and before the picture. Pictures that are not literals take it from the evaluator's own clock.
fn date_time_only(args: &mut [AstNode]) {
    let [text, AstNode::String(picture)] = args else { return };
    let has = |components: &str| {
        picture.split('[').skip(1).any(|part| part.trim_start().starts_with(|c| components.contains(c)))
    };
    let missing = match (has("YXxWwdF"), has("M"), has("D")) {
        (true, ..) => return,
        (_, false, false) if !has("HhPmsf") => return,
        (false, true, _) => "[Y0001]-",
        (false, false, true) => "[Y0001]-[M01]-",
        (false, false, false) => "[Y0001]-[M01]-[D01]T",
    };
    picture.insert_str(0, missing);
    let inner = std::mem::replace(text, AstNode::Undefined);
    *text = call(DATED, vec![inner, AstNode::string(missing)]);
}

/// The third argument of `$replace` is a text, or a function whose results become part of one.
fn guard_replacement(replacement: &mut AstNode) {
    match replacement {
        AstNode::String(_) => {}
        AstNode::Lambda { body, .. } => wrap_result(body, TEXT),
        _ => {
            // ($r := x; $type($r) = "function" ? function($m) { #text($r($m)) } : $r)
            let held = || AstNode::variable("#replacement");
            let found = AstNode::variable("#found");
            let applied = AstNode::Function { name: "#replacement".to_owned(), args: vec![found], is_builtin: true };
            let value = std::mem::replace(replacement, AstNode::Undefined);
            let is_function = AstNode::Binary {
                op: BinaryOp::Equal,
                lhs: Box::new(call("type", vec![held()])),
                rhs: Box::new(AstNode::string("function")),
            };
            *replacement = AstNode::Block(vec![
                assign("#replacement", value),
                AstNode::Conditional {
                    condition: Box::new(is_function),
                    then_branch: Box::new(lambda(&["#found"], call(TEXT, vec![applied]))),
                    else_branch: Some(Box::new(held())),
                },
            ]);
        }
    }
}

/// `|location|update|` → `function($x) { #value($x) ~> |location|update| }`.
fn transform_of_checked(node: &mut AstNode) {
    let transform = std::mem::replace(node, AstNode::Undefined);
    let input = call(VALUE, vec![AstNode::variable("#input")]);
    let body = AstNode::Binary { op: BinaryOp::ChainPipe, lhs: Box::new(input), rhs: Box::new(transform) };
    *node = lambda(&["#input"], body);
}

/// `$join := function($a, $b) { ##join(#argument($a), #last($b, "join", 2)) }`
fn define(name: &'static str, shadowed: bool) -> AstNode {
    let count = BY_ARGUMENTS.iter().chain(&BY_RESULT).find(|(known, _)| *known == name).map_or(2, |(_, count)| *count);
    let names: Vec<String> = (0..count).map(|index| format!("#p{index}")).collect();
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    let mut args: Vec<AstNode> = names.iter().map(|name| AstNode::variable(*name)).collect();
    let body = if BY_RESULT.iter().any(|(known, _)| *known == name) {
        call(VALUE, vec![call(&alias(name), args)])
    } else if name == "now" {
        args.insert(0, call(NOW, Vec::new()));
        guard_arguments("fromMillis", &mut args);
        call("fromMillis", args)
    } else {
        guard_arguments(name, &mut args);
        call(&alias(name), args)
    };
    let target = if shadowed { name.to_owned() } else { stand_in(name) };
    assign(&target, lambda(&names, body))
}

fn call(name: &str, args: Vec<AstNode>) -> AstNode {
    AstNode::Function { name: name.to_owned(), args, is_builtin: true }
}

fn assign(name: &str, value: AstNode) -> AstNode {
    AstNode::Binary { op: BinaryOp::ColonEqual, lhs: Box::new(AstNode::variable(name)), rhs: Box::new(value) }
}

fn lambda(params: &[&str], body: AstNode) -> AstNode {
    let params = params.iter().map(|name| (*name).to_owned()).collect();
    AstNode::Lambda { params, body: Box::new(body), signature: None, thunk: false }
}

fn wrap(node: &mut AstNode, guard: &str) {
    let literal = matches!(
        node,
        AstNode::String(_)
            | AstNode::Number(_)
            | AstNode::Boolean(_)
            | AstNode::Null
            | AstNode::Undefined
            | AstNode::Placeholder
            | AstNode::Lambda { .. }
            | AstNode::Regex { .. }
    );
    let guarded = matches!(node, AstNode::Function { name, .. } if name == VALUE || name == guard);
    if !literal && !guarded {
        let inner = std::mem::replace(node, AstNode::Undefined);
        *node = call(guard, vec![inner]);
    }
}

/// Wraps what a function gives back, but no call: that would take its place as a tail call.
fn wrap_result(node: &mut AstNode, guard: &str) {
    with_stack(|| match node {
        AstNode::Conditional { then_branch, else_branch, .. } => {
            wrap_result(then_branch, guard);
            else_branch.iter_mut().for_each(|branch| wrap_result(branch, guard));
        }
        AstNode::Block(items) => items.last_mut().into_iter().for_each(|last| wrap_result(last, guard)),
        AstNode::Function { .. } | AstNode::Call { .. } if guard == VALUE => {}
        AstNode::Path { .. } | AstNode::Binary { op: BinaryOp::Concatenate, .. } => wrap(node, guard),
        _ if guard == TEXT => wrap(node, guard),
        _ => {}
    });
}

/// Whether the evaluator takes the node's value as one item of the array around it.
fn is_array_constructor(node: &AstNode) -> bool {
    match node {
        AstNode::Array(_) => true,
        AstNode::Path { steps } => {
            matches!(steps.as_slice(), [step] if matches!(step.node, AstNode::Array(_)))
        }
        _ => false,
    }
}
