//! The evaluator of the crate `jsonata-core`.

use super::convert::{Intake, from_engine, to_engine};
use super::engine::{Data, Evaluator, Fault};
use super::functions::{self, Host};
use super::growth;
use super::guard::{self, Guarded};
use super::limits::{Exceeded, Meter, NUMBER_BYTES, stack_bytes};
use super::messages::fault_of;
use super::prelude;
use super::references::{Found, Reference, References, hoist, hoisted_name};
use super::syntax;
use super::visit::{each_child, is_partial};
use crate::{Ambient, SyntaxError};
use json::Value;
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator as CoreEvaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::value::JValue;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// A function that AWS removes: a variable of that name, undefined, hides it.
const REMOVED: &str = "eval";
/// Fuel for an evaluation at any rate.
const EXPRESSION_FUEL: u64 = 5_000;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// A parsed expression.
pub(super) struct Core {
    /// The expression is one reference: no evaluation is needed.
    alone: Option<Reference>,
    /// With the references taken out.
    hoisted: Tree,
    /// As it was written.
    plain: Tree,
    references: References,
    /// Fuel for each value that is read, beside its conversion.
    value_fuel: u64,
    variables: Vec<String>,
    top_level_reference: Option<String>,
}

/// A tree that is ready for evaluation.
struct Tree {
    ast: AstNode,
    aliases: Vec<&'static str>,
    /// The functions of ours that it calls.
    functions: BTreeSet<usize>,
    metered: bool,
    /// Whether functions can hold functions that hold others, and so on.
    nests_functions: bool,
}

thread_local! {
    static EVALUATING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is evaluating a JSONata expression, so that a panic now is caught and told as a failure of
/// the expression. For panic hooks.
pub fn is_evaluating() -> bool {
    EVALUATING.get()
}

/// Runs `evaluate`; a panic in it is [`Fault::Internal`].
fn quietly<T>(evaluate: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let before = EVALUATING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(evaluate)).unwrap_or(Err(Fault::Internal));
    EVALUATING.set(before);
    result
}

impl Evaluator for Core {
    fn parse(text: &str) -> Result<Core, SyntaxError> {
        let parsed = quietly(|| Ok(jsonata_core::parser::parse(text)));
        let mut plain = match parsed {
            Ok(Ok(ast)) => ast,
            Ok(Err(error)) => return Err(syntax::syntax_error(&error)),
            Err(_) => return Err(SyntaxError::invalid("The expression cannot be parsed")),
        };
        syntax::check_regexes(&mut plain)?;
        let top_level_reference = syntax::top_level_reference(&mut plain);
        let value_fuel = growth::value_fuel(&mut plain);
        let mut hoisted = plain.clone();
        let references = hoist(&mut hoisted);
        let alone = match &hoisted {
            AstNode::Variable(name) => references.list.first().filter(|reference| is_value(name, reference)).cloned(),
            _ => None,
        };
        Ok(Core {
            alone,
            variables: references.variables(is_function),
            hoisted: Tree::new(hoisted, &references),
            plain: Tree::new(plain, &references),
            references,
            value_fuel,
            top_level_reference,
        })
    }

    fn evaluate(&self, data: &dyn Data, ambient: &Ambient) -> Result<Option<Value>, Fault> {
        if let Some(reference) = &self.alone {
            match reference.find(data) {
                Found::Value(value) => return Ok(Some(value.clone())),
                Found::Nothing => return Ok(None),
                Found::Mapped => {}
            }
        }
        let intake = Intake { ambient, value_fuel: self.value_fuel };
        match self.hoisted_bindings(data, &intake)? {
            Some(bindings) => self.hoisted.evaluate(&bindings, data, ambient),
            None => self.plain.evaluate(&self.references.bindings(data, &intake)?, data, ambient),
        }
    }

    fn variables(&self) -> &[String] {
        &self.variables
    }

    fn reads_states(&self, member: &str) -> bool {
        self.references.states_members.contains(member)
    }

    fn may_read_states(&self, member: &str) -> bool {
        self.references.may_read_states(member)
    }

    fn top_level_reference(&self) -> Option<&str> {
        self.top_level_reference.as_deref()
    }
}

impl Core {
    /// The variables of the hoisted tree; `None` when a reference goes through an array.
    fn hoisted_bindings(&self, data: &dyn Data, intake: &Intake<'_>) -> Result<Option<Vec<(String, JValue)>>, Fault> {
        // Looked at first, so that nothing is converted twice.
        let found: Vec<Found<'_>> = self.references.list.iter().map(|reference| reference.find(data)).collect();
        if found.iter().any(|found| matches!(found, Found::Mapped)) {
            return Ok(None);
        }
        let mut bindings = Vec::with_capacity(self.references.list.len());
        for (index, (reference, found)) in self.references.list.iter().zip(found).enumerate() {
            let name = if reference.path.is_empty() { reference.name.clone() } else { hoisted_name(index) };
            match found {
                Found::Value(value) => bindings.push((name, intake.take(value)?)),
                Found::Nothing if reference.name == "states" && reference.path.is_empty() => return Ok(None),
                Found::Nothing if reference.path.is_empty() => {}
                Found::Nothing => bindings.push((name, JValue::Undefined)),
                Found::Mapped => return Ok(None),
            }
        }
        for name in &self.references.called {
            if let Some(value) = data.variable(name) {
                bindings.push((name.clone(), intake.take(value)?));
            }
        }
        Ok(Some(bindings))
    }
}

impl Tree {
    fn new(ast: AstNode, references: &References) -> Tree {
        let Guarded { mut ast, metered, aliases } = guard::guard(ast, &references.bound);
        let mut functions = BTreeSet::new();
        collect_functions(&mut ast, &mut functions);
        let nests_functions = functions::index_of(guard::FUNCTION).is_some_and(|index| functions.contains(&index));
        Tree { ast, aliases, functions, metered, nests_functions }
    }

    fn evaluate(
        &self,
        bindings: &[(String, JValue)],
        data: &dyn Data,
        ambient: &Ambient,
    ) -> Result<Option<Value>, Fault> {
        ambient.spend(EXPRESSION_FUEL).map_err(|_| Fault::Time)?;
        let started_ns = ambient.stopwatch_ns();
        let fuel_before = ambient.fuel();
        let result = if self.nests_functions {
            stacker::grow(stack_bytes(&ambient.budget), || self.evaluate_within(bindings, data, ambient))
        } else {
            self.evaluate_within(bindings, data, ambient)
        };
        if let Some((started_ns, ended_ns)) = started_ns.zip(ambient.stopwatch_ns()) {
            let counted = fuel_before - ambient.fuel();
            // What the evaluation went beyond the fuel, the next one finds missing.
            let _ = ambient.spend(ended_ns.saturating_sub(started_ns).saturating_sub(counted));
        }
        result
    }

    /// Spends what the meter counts.
    fn evaluate_within(
        &self,
        bindings: &[(String, JValue)],
        data: &dyn Data,
        ambient: &Ambient,
    ) -> Result<Option<Value>, Fault> {
        quietly(|| {
            let root = data.root().map_or(JValue::Undefined, to_engine);
            // Drawn only where it is used, so that other expressions leave the sequence as it is.
            let draws = self.functions.iter().any(|index| functions::draws(*index));
            let seed = if draws { ambient.next_u64() } else { 0 };
            let host = || {
                Rc::new(Host {
                    meter: Meter::new(&ambient.budget, ambient.fuel()),
                    ambient: Ambient::new(ambient.now_ms, seed, ambient.budget),
                })
            };
            let first = host();
            let mut evaluator = self.evaluator(bindings, &first, ambient);
            let result = evaluator.evaluate(&self.ast, &root);
            // The meter began with all the fuel that there is.
            let _ = ambient.spend(ambient.fuel() - first.meter.fuel());
            let value = result.map_err(|error| match first.meter.exceeded() {
                Some(Exceeded::Time) => Fault::Time,
                Some(Exceeded::Memory) => Fault::Memory,
                None => fault_of(&error, || self.failed_call(bindings, &root, &host(), ambient)),
            })?;
            if self.metered && first.meter.check_value(&value).is_err() {
                return Err(if first.meter.exceeded() == Some(Exceeded::Time) { Fault::Time } else { Fault::Memory });
            }
            from_engine(&value, ambient)
        })
    }

    fn evaluator(&self, bindings: &[(String, JValue)], host: &Rc<Host>, ambient: &Ambient) -> CoreEvaluator {
        let mut context = Context::new();
        context.bind(REMOVED.to_owned(), JValue::Undefined);
        for (name, value) in bindings {
            context.bind(name.clone(), value.clone());
        }
        for name in &self.aliases {
            context.bind(prelude::alias(name), JValue::builtin(*name));
            if bindings.iter().any(|(bound, _)| bound == name) {
                context.bind(prelude::hidden(name), JValue::Bool(true));
            }
        }
        let budget = &ambient.budget;
        let options = EvaluatorOptions {
            timeout_ms: Some(ambient.fuel().div_ceil(NANOSECONDS_PER_MILLISECOND)),
            cancel: None,
            max_stack_depth: Some(budget.depth),
            max_sequence_length: Some(budget.memory_bytes / NUMBER_BYTES),
        };
        let mut evaluator = CoreEvaluator::with_options(context, options);
        for index in &self.functions {
            // Cannot fail: no function of ours has the name of one that the evaluator compiles.
            let _ = functions::register(&mut evaluator, *index, host);
        }
        evaluator
    }

    /// Which built-in function refused its arguments: the last that was about to be called when the expression is
    /// evaluated once more.
    fn failed_call(
        &self,
        bindings: &[(String, JValue)],
        root: &JValue,
        host: &Rc<Host>,
        ambient: &Ambient,
    ) -> Option<String> {
        /// `#called(argument, name)`
        const CALLED: &str = "#called";
        fn note_calls(node: &mut AstNode) {
            each_child(node, &mut note_calls);
            let AstNode::Function { name, args, is_builtin: true } = node else { return };
            if name.starts_with('#') || is_partial(args) {
                return;
            }
            if let Some(last) = args.last_mut() {
                let inner = std::mem::replace(last, AstNode::Undefined);
                let args = vec![inner, AstNode::string(name.as_str())];
                *last = AstNode::Function { name: CALLED.to_owned(), args, is_builtin: true };
            }
        }
        let mut ast = self.ast.clone();
        note_calls(&mut ast);
        let called: Rc<Cell<Option<Rc<str>>>> = Rc::default();
        let note = Rc::clone(&called);
        let mut evaluator = self.evaluator(bindings, host, ambient);
        let noted = evaluator.register_fn(CALLED, move |arguments: &[JValue]| match arguments {
            [value, JValue::String(name)] => {
                note.set(Some(Rc::clone(name)));
                Ok(value.clone())
            }
            _ => Err(EvaluatorError::EvaluationError("no name".to_owned())),
        });
        noted.ok()?;
        evaluator.evaluate(&ast, root).err()?;
        called.take().map(|name| name.to_string())
    }
}

fn collect_functions(node: &mut AstNode, functions: &mut BTreeSet<usize>) {
    if let AstNode::Function { name, .. } | AstNode::Variable(name) = node {
        functions.extend(functions::index_of(name));
    }
    each_child(node, &mut |child| collect_functions(child, functions));
}

/// Whether the variable `name` is one value that can be taken from the data as it is.
fn is_value(name: &str, reference: &Reference) -> bool {
    let whole_states = reference.name == "states" && reference.path.is_empty();
    !is_function(name) && !whole_states
}

/// Whether `name` is a function when nothing else has that name.
fn is_function(name: &str) -> bool {
    functions::is_addition(name) || BUILT_IN.contains(&name)
}

/// JSONata's own functions.
const BUILT_IN: [&str; 63] = [
    "abs",
    "append",
    "assert",
    "average",
    "base64decode",
    "base64encode",
    "boolean",
    "ceil",
    "contains",
    "count",
    "decodeUrl",
    "decodeUrlComponent",
    "distinct",
    "each",
    "encodeUrl",
    "encodeUrlComponent",
    "error",
    "exists",
    "filter",
    "floor",
    "formatBase",
    "formatInteger",
    "formatNumber",
    "fromMillis",
    "join",
    "keys",
    "length",
    "lookup",
    "lowercase",
    "map",
    "match",
    "max",
    "merge",
    "millis",
    "min",
    "not",
    "now",
    "number",
    "pad",
    "parseInteger",
    "power",
    "random",
    "reduce",
    "replace",
    "reverse",
    "round",
    "shuffle",
    "sift",
    "single",
    "sort",
    "split",
    "spread",
    "sqrt",
    "string",
    "substring",
    "substringAfter",
    "substringBefore",
    "sum",
    "toMillis",
    "trim",
    "type",
    "uppercase",
    "zip",
];
