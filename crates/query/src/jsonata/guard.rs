//! Plants guards in an expression where values grow faster than the evaluator's clock runs.
//!
//! The tree is rewritten once, when the expression is parsed. Guards are calls of functions that no expression
//! can spell; they give their argument back unchanged, or end the evaluation through the [`Meter`](super::limits::Meter):
//!
//! | in the expression | becomes | because |
//! |---|---|---|
//! | `[x]`, `{"k": x}`, grouping | `[#value(x)]` … | a value that holds another several times grows twofold a level |
//! | `x & y` | `#made(#text(x) & #text(y))` | doubling |
//! | `$uppercase(s)` | `#made($uppercase(s), "uppercase")` | a new value, which may be kept |
//! | `a.(x)`, `a.$x`, paths that are kept | `a.(#made(x))` … | a new array for each item |
//! | `$pad(s, n)` | `$pad(#argument(s), #last(n, "pad", 2))` | the size of the result is known from the arguments |
//! | `$sort(a, f)`, `[x..y]` | `$sort(#last(a, "sort", 1), f)` … | the work is known from the arguments |
//! | `$map(a, f)` | `#value($map(a, f))` | a large value for each item |
//! | `\|location\|update\|` | a function that applies it to `#value(x)` | it copies |
//! | a function, a partial application or a composition that is made again and again | `#function(x)` | they hold one another |
//! | `$join` by value | a function of the language that calls `$join` with guards | functions by value carry no guards |
//! | `$now(p, z)` | `$fromMillis(#clock(), p, z)` | time comes from the [`Ambient`](crate::Ambient) |
//!
//! An expression in which nothing can grow (paths, comparisons, arithmetic, a few `&`) is left as it is.

use super::closures;
use super::growth::{Growth, each_made, is_made};
use super::prelude::{self, assign, call, lambda, stand_in};
use super::visit::{each_child, is_partial};
use jsonata_core::ast::{AstNode, BinaryOp, PathStep};
use jsonata_core::value::with_stack;
use std::collections::{BTreeSet, HashSet};

/// `#value(x)`: a value that becomes part of another.
pub(super) const VALUE: &str = "#value";
/// `#text(x)`: a value that becomes part of a text.
pub(super) const TEXT: &str = "#text";
/// `#inserted(x)`: what the function of a `$replace` gives, which is put into the text.
pub(super) const INSERTED: &str = "#inserted";
/// `#made(x)`, `#made(x, name)`: a value that was just made, by the function `name` if it tells what the items take.
pub(super) const MADE: &str = "#made";
/// The name that `#made` gets for the items of a join.
pub(super) const JOIN: &str = "@";
/// The name that `#last` gets for the numbers of `[x..y]`.
pub(super) const RANGE: &str = "..";
/// `#argument(x)`: an argument of a guarded function, but not its last.
pub(super) const ARGUMENT: &str = "#argument";
/// `#last(x, name, count)`: the last of `count` arguments of the guarded function `name`.
pub(super) const LAST: &str = "#last";
/// `#function(x)`: a value that may be a function which was just made.
pub(super) const FUNCTION: &str = "#function";
/// `#clock()`: the time of the evaluation in milliseconds.
pub(super) const CLOCK: &str = "#clock";
/// `#dated(text, components)`: the text with components of the evaluation's date before it.
pub(super) const DATED: &str = "#dated";

/// Functions whose arguments tell what they cost, with the number of parameters that a higher-order function gives them.
pub(super) const BY_ARGUMENTS: [(&str, usize); 13] = [
    ("contains", 2),
    ("distinct", 1),
    ("formatInteger", 2),
    ("formatNumber", 2),
    ("fromMillis", 3),
    ("join", 2),
    ("match", 2),
    ("pad", 3),
    ("parseInteger", 2),
    ("replace", 4),
    ("split", 3),
    ("string", 1),
    ("toMillis", 2),
];
/// Other functions that make a value as large as their arguments, with the number of parameters likewise.
pub(super) const MAKING: [(&str, usize); 21] = [
    ("append", 2),
    ("base64decode", 1),
    ("base64encode", 1),
    ("decodeUrl", 1),
    ("decodeUrlComponent", 1),
    ("encodeUrl", 1),
    ("encodeUrlComponent", 1),
    ("filter", 2),
    ("keys", 1),
    ("lowercase", 1),
    ("merge", 1),
    ("reverse", 1),
    ("shuffle", 1),
    ("sift", 2),
    ("sort", 2),
    ("spread", 1),
    ("substring", 3),
    ("substringAfter", 2),
    ("substringBefore", 2),
    ("trim", 1),
    ("uppercase", 1),
];
/// Functions that take `$` as their first argument when they get one less than this.
const SURROUNDED: [(&str, usize); 7] = [
    ("contains", 2),
    ("formatInteger", 2),
    ("match", 2),
    ("parseInteger", 2),
    ("replace", 3),
    ("split", 2),
    ("string", 1),
];
/// Functions that give a large value for each item.
pub(super) const BY_RESULT: [(&str, usize); 2] = [("each", 2), ("map", 2)];
/// Of the functions in `BY_ARGUMENTS`, those whose result is small.
const SMALL: [&str; 6] = ["contains", "formatInteger", "formatNumber", "fromMillis", "parseInteger", "toMillis"];
/// Functions of [`MAKING`] whose last argument is a function, which must stay where it is: the evaluator looks at its
/// clock before each call of it.
const CALLING: [&str; 2] = ["filter", "sift"];
/// The guarded tree, and which built-in functions its prelude needs under another name (see [`prelude`]).
pub(super) struct Guarded {
    pub(super) ast: AstNode,
    /// Whether there are guards at all.
    pub(super) metered: bool,
    pub(super) aliases: Vec<&'static str>,
}

/// Plants the guards. `bound` are the names that the expression binds itself.
pub(super) fn guard(mut ast: AstNode, bound: &HashSet<String>) -> Guarded {
    let mut growth = Growth::default();
    growth.look(&mut ast);
    if !growth.is_possible() {
        return Guarded { ast, metered: false, aliases: Vec::new() };
    }
    let mut planter = Planter { bound, by_value: BTreeSet::new(), is_repeated: false };
    planter.rewrite(&mut ast);
    let aliases: Vec<&'static str> = guarded_names().filter(|name| planter.needs_prelude(name)).collect();
    let ast = prelude::before(ast, &aliases, bound);
    Guarded { ast, metered: true, aliases }
}

fn guarded_names() -> impl Iterator<Item = &'static str> {
    BY_ARGUMENTS.iter().chain(&BY_RESULT).chain(&MAKING).map(|(name, _)| *name).chain(["now"])
}

pub(super) fn is_in(table: &[(&str, usize)], name: &str) -> bool {
    table.iter().any(|(known, _)| *known == name)
}

struct Planter<'a> {
    bound: &'a HashSet<String>,
    by_value: BTreeSet<&'static str>,
    /// Whether the node is evaluated again and again: in a function, for each item of a path or of a `^( )`.
    is_repeated: bool,
}

impl Planter<'_> {
    fn needs_prelude(&self, name: &str) -> bool {
        self.by_value.contains(name) || self.bound.contains(name)
    }

    fn rewrite(&mut self, node: &mut AstNode) {
        with_stack(|| {
            flatten_chain(node);
            let is_repeated = self.is_repeated;
            self.is_repeated |= closures::repeats(node);
            if let AstNode::Path { steps } = node {
                self.rewrite_path(steps);
            } else {
                each_child(node, &mut |child| self.rewrite(child));
            }
            self.is_repeated = is_repeated;
            closures::show(node, self.bound);
            self.rewrite_own(node);
            if is_repeated && closures::makes_function(node) {
                wrap_in(node, FUNCTION, &[]);
            }
        });
    }

    fn rewrite_path(&mut self, steps: &mut [PathStep]) {
        for (index, step) in steps.iter_mut().enumerate() {
            let mut node = std::mem::replace(&mut step.node, AstNode::Undefined);
            // The filters and `[]` of a call must see its result itself: it gets no guard, the path gets one.
            let filtered_call = matches!(node, AstNode::Function { .. }) && !step.stages.is_empty();
            if filtered_call {
                each_child(&mut node, &mut |argument| self.rewrite(argument));
                self.rewrite_call(&mut node, false);
            } else {
                self.rewrite(&mut node);
            }
            step.node = node;
            super::visit::each_filter(step, &mut |filter| self.rewrite(filter));
            if step.focus.is_some() {
                // `a@$x.b@$y` joins: each item of `b` again for each of `a`, in a tuple of its own.
                let inner = std::mem::replace(&mut step.node, AstNode::Undefined);
                step.node = call(MADE, vec![inner, AstNode::string(JOIN)]);
            } else if index > 0 && !step.inner_tuple && !filtered_call {
                each_made(&mut step.node, &mut |made| wrap(made, MADE));
            }
        }
    }

    fn rewrite_own(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Array(items) | AstNode::ArrayGroup(items) => {
                let count = items.len();
                construct(items.iter_mut().filter(|item| !is_array_constructor(item)), count);
            }
            AstNode::Object(pairs) | AstNode::ObjectTransform { pattern: pairs, .. } => {
                let count = pairs.len();
                construct(pairs.iter_mut().map(|(_, value)| value), count);
            }
            AstNode::Binary { op: BinaryOp::Concatenate, lhs, rhs } => {
                [lhs, rhs].into_iter().for_each(|operand| wrap(operand, TEXT));
                wrap(node, MADE);
            }
            AstNode::Binary { op: BinaryOp::ColonEqual, rhs, .. } => wrap_result(rhs, MADE),
            AstNode::Binary { op: BinaryOp::Range, lhs, rhs } => {
                wrap_in(lhs, ARGUMENT, &[]);
                wrap_in(rhs, LAST, &[AstNode::string(RANGE), number(2)]);
            }
            AstNode::Lambda { body, .. } => wrap_result(body, MADE),
            AstNode::Transform { .. } => transform_of_checked(node),
            AstNode::Variable(name) => {
                if let Some(guarded) = self.unshadowed(name) {
                    self.by_value.insert(guarded);
                    *name = stand_in(guarded);
                }
            }
            AstNode::Function { .. } => self.rewrite_call(node, true),
            _ => {}
        }
    }

    /// The guarded function that `name` certainly means.
    fn unshadowed(&self, name: &str) -> Option<&'static str> {
        guarded_names().find(|guarded| *guarded == name && !self.bound.contains(name))
    }

    fn rewrite_call(&mut self, node: &mut AstNode, guard_result: bool) {
        let AstNode::Function { name, args, is_builtin: true } = node else { return };
        let Some(guarded) = self.unshadowed(name) else { return };
        if is_partial(args) {
            self.by_value.insert(guarded);
            *name = stand_in(guarded);
            return;
        }
        if guarded == "now" {
            "fromMillis".clone_into(name);
            args.insert(0, call(CLOCK, Vec::new()));
        }
        guard_arguments(guarded, args);
        if guard_result {
            guard_own_result(node, guarded);
        }
    }
}

/// Puts the guard of the function `name` around its call.
pub(super) fn guard_own_result(node: &mut AstNode, name: &'static str) {
    if is_in(&BY_RESULT, name) {
        wrap(node, VALUE);
    } else if name != "now" && !SMALL.contains(&name) {
        let inner = std::mem::replace(node, AstNode::Undefined);
        *node = call(MADE, vec![inner, AstNode::string(name)]);
    }
}

/// Guards the values of a constructor; the first one counts what it makes.
fn construct<'a>(values: impl Iterator<Item = &'a mut AstNode>, count: usize) {
    for (index, value) in values.enumerate() {
        if is_made(value) {
            wrap(value, MADE);
        }
        if index == 0 {
            let inner = std::mem::replace(value, AstNode::Undefined);
            *value = call(VALUE, vec![inner, number(count)]);
        } else {
            wrap(value, VALUE);
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
    if !guarded || is_partial(args) {
        return;
    }
    args.insert(0, std::mem::replace(lhs, AstNode::Undefined));
    *node = std::mem::replace(rhs, AstNode::Undefined);
}

/// `$join(a, s)` → `$join(#argument(a), #last(s, "join", 2))`, for the functions of [`BY_ARGUMENTS`];
/// `$sort(a, f)` → `$sort(#last(a, "sort", 1), f)`, for those of [`MAKING`].
pub(super) fn guard_arguments(name: &'static str, args: &mut Vec<AstNode>) {
    let name = if name == "now" { "fromMillis" } else { name };
    if is_in(&MAKING, name) && !CALLING.contains(&name) {
        let walked = if name == "append" { 2 } else { 1 };
        args.iter_mut().take(walked).for_each(|arg| wrap_in(arg, LAST, &[AstNode::string(name), number(1)]));
    }
    if !is_in(&BY_ARGUMENTS, name) {
        return;
    }
    let needed = SURROUNDED.iter().find(|(known, _)| *known == name).map_or(0, |(_, needed)| *needed);
    if args.len() + 1 == needed && !args.iter().any(|arg| matches!(arg, AstNode::Number(_))) {
        // The function takes what surrounds it: `$`.
        args.insert(0, AstNode::Variable(String::new()));
    }
    match (name, &mut **args) {
        ("toMillis", args) => date_time_only(args),
        ("replace", [_, _, replacement, ..]) => guard_replacement(replacement),
        _ => {}
    }
    let count = args.len();
    for (index, arg) in args.iter_mut().enumerate() {
        if index + 1 < count {
            wrap_in(arg, ARGUMENT, &[]);
        } else {
            wrap_in(arg, LAST, &[AstNode::string(name), number(count)]);
        }
    }
}

/// `x` → `guard(x, rest…)`.
fn wrap_in(node: &mut AstNode, guard: &str, rest: &[AstNode]) {
    let mut args = vec![std::mem::replace(node, AstNode::Undefined)];
    args.extend_from_slice(rest);
    *node = call(guard, args);
}

fn number(count: usize) -> AstNode {
    #[expect(clippy::cast_precision_loss, reason = "an expression is not that long")]
    let count = count as f64;
    AstNode::Number(count)
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
        AstNode::Lambda { body, .. } => wrap_result(body, INSERTED),
        _ => {
            // ($r := x; $type($r) = "function" ? function($m) { #inserted($r($m)) } : $r)
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
                    then_branch: Box::new(lambda(&["#found"], call(INSERTED, vec![applied]))),
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

fn wrap(node: &mut AstNode, guard: &str) {
    let needless = match node {
        AstNode::String(_)
        | AstNode::Number(_)
        | AstNode::Boolean(_)
        | AstNode::Null
        | AstNode::Undefined
        | AstNode::Placeholder
        | AstNode::Lambda { .. }
        | AstNode::Regex { .. } => true,
        // A call of `#value` in a constructor, of `#made` in a text: its value is known to be small enough.
        AstNode::Function { name, .. } => name == guard || (guard == TEXT && name == VALUE),
        _ => false,
    };
    if !needless {
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
        _ if guard == INSERTED || is_made(node) => wrap(node, guard),
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
