//! Logs of the server itself: structured, on standard error.

mod lines;

use crate::config::variable;
use clap::ValueEnum;
use lines::Lines;
use std::{io::IsTerminal, sync::OnceLock};
use tracing_subscriber::{
    EnvFilter,
    filter::LevelFilter,
    fmt::{self, writer::BoxMakeWriter},
    prelude::*,
};

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging for people, if `STEPWELL_LOG` says what is to be logged: for commands that are quiet by themselves.
pub fn start_if_asked() {
    if variable(VARIABLE).is_some() {
        start_with(LogFormat::Text, BoxMakeWriter::new(std::io::stderr));
    } else {
        catch_panics_quietly();
    }
}

/// Chooses what is logged.
pub const VARIABLE: &str = "STEPWELL_LOG";

/// Where a server's log goes.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Waits until what a server has logged is written, if anybody reads it.
pub fn flush() {
    LINES.get().into_iter().for_each(Lines::flush);
}

/// Starts logging for a server, which waits for nobody who reads the log.
pub fn start(format: LogFormat) {
    let writer = match Lines::to(std::io::stderr()) {
        Ok(lines) => BoxMakeWriter::new(LINES.get_or_init(|| lines).clone()),
        Err(_) => BoxMakeWriter::new(std::io::stderr),
    };
    start_with(format, writer);
}

/// `STEPWELL_LOG` chooses what is logged (`info` by default; for example `engine=debug,info`).
fn start_with(format: LogFormat, writer: BoxMakeWriter) {
    let asked_for = variable(VARIABLE).map_or("info".to_owned(), |asked_for| asked_for.to_string_lossy().into_owned());
    let (filter, misunderstood) = match filter(&asked_for) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(writer).with_target(false);
    // A second start (in tests) keeps the first subscriber.
    let _already_started = match format {
        LogFormat::Text => registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init(),
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
    if let Some(error) = misunderstood {
        tracing::warn!(%error, "`{VARIABLE}={asked_for}` is not understood; write it as `debug` or `engine=debug,info`");
    }
    catch_panics_quietly();
}

/// What is to be logged. Parts that are not named are logged at `info`, as without the variable, and so is a word that is
/// no level refused: `EnvFilter` would take it for the name of a part, and log nothing else.
fn filter(asked_for: &str) -> Result<EnvFilter, String> {
    let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
    for directive in asked_for.split(',').map(str::trim) {
        if !directive.is_empty() && !directive.contains('=') && !is_level(directive) {
            return Err(format!("`{directive}` is no level: error, warn, info, debug, trace, off"));
        }
    }
    EnvFilter::try_new(format!("info,{asked_for}")).map_err(|error| error.to_string())
}

/// Panics are caught, and what they cost is told there: an expression that fails, an execution that is set aside. This
/// adds where they were. One inside of an expression is a failure of the language like any other.
fn catch_panics_quietly() {
    std::panic::set_hook(Box::new(|panic| {
        if !query::jsonata::is_evaluating() {
            tracing::error!("{panic}");
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn a_word_that_is_no_level_is_refused_and_silences_nothing() {
        for (asked_for, understood) in [
            ("info", "info"),
            ("warn", "warn"),
            ("engine=debug", "engine=debug,info"),
            ("engine=debug,warn", "engine=debug,warn"),
            ("", "info"),
        ] {
            assert_eq!(filter(asked_for).unwrap().to_string(), understood, "{asked_for}");
        }
        for asked_for in ["blah", "inf", "engine", "engine=loud"] {
            filter(asked_for).unwrap_err();
        }
    }
}
