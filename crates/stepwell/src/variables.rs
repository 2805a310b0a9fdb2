//! Environment variables that set nothing: empty ones, those of others, and those whose names are misspelt.

use crate::{CommandLine, config::nearest, telemetry};
use clap::{Arg, Command, CommandFactory};
use std::{env, ffi::OsString};

const PREFIX: &str = "STEPWELL_";

/// Options take nothing from a variable without a value, as files of containers have them, nor from what Kubernetes tells
/// each pod of a Service that is called `stepwell`: `STEPWELL_PORT=tcp://10.0.0.7:8083`.
///
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
pub fn without_foreign(command: Command) -> Command {
    let is_foreign = |value: OsString| value.is_empty() || value.to_string_lossy().starts_with("tcp://");
    let takes_foreign = |argument: &Arg| argument.get_env().and_then(env::var_os).is_some_and(is_foreign);
    let without = |argument: Arg| if takes_foreign(&argument) { argument.env(None::<&str>) } else { argument };
    command.mut_args(without).mut_subcommands(without_foreign)
}

/// Variables that are set and that nothing reads, with the one that was meant: by its beginning, or with a slip of the pen.
pub fn misspelt() -> Vec<(String, String)> {
    let known = known();
    let meant = |name: &str| {
        let known = || known.iter().map(String::as_str);
        known().find(|longer| longer.starts_with(name)).or_else(|| nearest(name, known()))
    };
    let set = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    set.filter(|name| name.starts_with(PREFIX) && !known.contains(name))
        .filter_map(|name| meant(&name).map(ToOwned::to_owned).map(|meant| (name, meant)))
        .collect()
}

fn known() -> Vec<String> {
    let command = CommandLine::command();
    let arguments = command.get_subcommands().flat_map(Command::get_arguments);
    let mut names: Vec<String> =
        arguments.filter_map(Arg::get_env).map(|name| name.to_string_lossy().into_owned()).collect();
    names.push(telemetry::VARIABLE.into());
    names
}
