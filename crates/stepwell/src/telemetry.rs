//! Logs of the server itself: structured, on standard error.

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

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
    if std::env::var_os(VARIABLE).is_some() {
        start(LogFormat::Text);
    } else {
        catch_panics_quietly();
    }
}

/// Chooses what is logged.
const VARIABLE: &str = "STEPWELL_LOG";

/// Starts logging. `STEPWELL_LOG` chooses what is logged (`info` by default; for example `engine=debug,info`).
pub fn start(format: LogFormat) {
    let asked_for = std::env::var(VARIABLE).unwrap_or_else(|_| "info".to_owned());
    let (filter, misunderstood) = match EnvFilter::try_new(&asked_for) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    // A second start (in tests) keeps the first subscriber.
    let _already_started = match format {
        LogFormat::Text => {
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry.with(lines.with_ansi(ansi)).try_init()
        }
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
    if let Some(error) = misunderstood {
        tracing::warn!(%error, "`{VARIABLE}={asked_for}` is not understood; write it as `debug` or `engine=debug,info`");
    }
    catch_panics_quietly();
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
