//! Shows an execution while it goes on: a line for each running state on a terminal, one line a state elsewhere.

use super::places::Places;
use crate::command::tell;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use json::Text;
use machine::{EventDetails, EventType, HistoryEvent};
use std::collections::{HashMap, HashSet};
use std::io::IsTerminal;
use std::time::Duration;

/// Lines of running states that a terminal shows at once; a wide Map has many more.
const LINES_MAX: usize = 16;
/// Characters of a cause that are shown.
const CAUSE_CHARS_SHOWN: usize = 100;

/// Follows the history events of one execution.
pub struct Progress {
    view: View,
    places: Places,
    /// Where workers reach the execution.
    endpoint: String,
    /// Activities whose workers were asked for.
    asked_for: HashSet<Text>,
    /// States whose callbacks were asked for.
    called_back: HashSet<String>,
}

enum View {
    Quiet,
    /// One line on standard error when a state ends: for logs and pipes.
    Lines(Entered),
    /// A spinner for each running state.
    Terminal {
        lines: MultiProgress,
        running: HashMap<String, Vec<ProgressBar>>,
    },
}

/// When the visits of each state began. Visits of the same state in the same iteration are told apart by their order
/// only.
type Entered = HashMap<String, Vec<i64>>;

impl Progress {
    /// Chooses the view: nothing, lines, or spinners where standard error is a terminal.
    pub fn start(quiet: bool, endpoint: String) -> Progress {
        let view = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => View::Quiet,
            (false, false) => View::Lines(Entered::new()),
            (false, true) => View::Terminal { lines: MultiProgress::new(), running: HashMap::new() },
        };
        Progress { view, places: Places::default(), endpoint, asked_for: HashSet::new(), called_back: HashSet::new() }
    }

    /// Shows the next event.
    pub fn show(&mut self, event: &HistoryEvent) {
        let state = self.places.follow(event).unwrap_or_default();
        match &event.details {
            EventDetails::StateEntered { .. } => self.entered(state, event.timestamp_ms),
            EventDetails::StateExited { .. } => self.exited(&state, event.timestamp_ms),
            EventDetails::ActivityScheduled { resource, .. } => self.waits_for_worker(resource),
            EventDetails::TaskOutput { resource, .. }
                if event.event_type == EventType::TaskSubmitted && resource.ends_with(".waitForTaskToken") =>
            {
                self.waits_for_callback(&state);
            }
            EventDetails::TaskFailed { error, cause, .. } | EventDetails::Failed { error, cause } => {
                self.failed(&state, event, error.as_deref(), cause.as_deref());
            }
            _ => {}
        }
    }

    /// Leaves the finished lines as they are and takes the others away.
    pub fn finish(self) {
        if let View::Terminal { running, .. } = self.view {
            running.into_values().flatten().for_each(|line| line.finish_and_clear());
        }
    }

    /// Says once for each activity what the execution waits for.
    fn waits_for_worker(&mut self, activity: &Text) {
        if !self.asked_for.insert(activity.clone()) {
            return;
        }
        let cli = self.cli();
        self.tell(&format!(
            "waiting for a worker of the activity `{activity}`; take the task with \
             `{cli} get-activity-task --activity-arn {activity}`, \
             answer it with `{cli} send-task-success --task-output JSON --task-token TOKEN`"
        ));
    }

    /// Says once for each state that its task was submitted, and somebody else has to answer for it.
    fn waits_for_callback(&mut self, state: &str) {
        if !self.called_back.insert(state.to_owned()) {
            return;
        }
        let cli = self.cli();
        self.tell(&format!(
            "{state}: waiting for the callback; whoever was given the task token answers with \
             `{cli} send-task-success --task-output JSON --task-token TOKEN`"
        ));
    }

    fn cli(&self) -> String {
        format!("aws stepfunctions --endpoint-url {}", self.endpoint)
    }

    fn tell(&self, line: &str) {
        match &self.view {
            View::Quiet => {}
            View::Lines(_) => tell(line),
            // Printing fails only when the terminal is gone, and then nobody misses the line.
            View::Terminal { lines, .. } => drop(lines.println(line)),
        }
    }

    fn entered(&mut self, state: String, at_ms: i64) {
        match &mut self.view {
            View::Quiet => {}
            View::Lines(entered) => entered.entry(state).or_default().push(at_ms),
            View::Terminal { lines, running } => {
                if running.values().map(Vec::len).sum::<usize>() < LINES_MAX {
                    let line = lines.add(spinner(&state));
                    running.entry(state).or_default().push(line);
                }
            }
        }
    }

    fn exited(&mut self, state: &str, at_ms: i64) {
        match &mut self.view {
            View::Quiet => {}
            View::Lines(entered) => {
                let since_ms = entered.get_mut(state).and_then(Vec::pop).unwrap_or(at_ms);
                let seconds = Duration::from_millis((at_ms - since_ms).unsigned_abs()).as_secs_f64();
                tell(&format!("{state}: done in {seconds:.3} s"));
            }
            View::Terminal { running, .. } => {
                if let Some(line) = running.get_mut(state).and_then(Vec::pop) {
                    line.set_style(style("{prefix:.green} {msg} {elapsed:.dim}"));
                    line.set_prefix("✓");
                    line.finish();
                }
            }
        }
    }

    fn failed(&mut self, state: &str, event: &HistoryEvent, error: Option<&str>, cause: Option<&str>) {
        // The failure of the execution is no longer that of a state.
        let state = if event.event_type == EventType::ExecutionFailed { "" } else { state };
        let colon = if state.is_empty() { "" } else { ": " };
        let text = format!("{state}{colon}{}: {}", event.event_type.as_str(), error.unwrap_or("no error name"));
        let cause = cause.map_or_else(String::new, |cause| format!(" ({})", beginning(cause)));
        let sign = if matches!(self.view, View::Terminal { .. }) { "✗ " } else { "" };
        self.tell(&format!("{sign}{text}{cause}"));
    }
}

/// The beginning of a cause: the whole of it stands in the history.
fn beginning(text: &str) -> String {
    let line = text.lines().next().unwrap_or(text);
    match line.char_indices().nth(CAUSE_CHARS_SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or(line)),
        None => line.to_owned(),
    }
}

fn spinner(name: &str) -> ProgressBar {
    let line = ProgressBar::new_spinner().with_style(style("{spinner:.cyan} {msg} {elapsed:.dim}"));
    line.set_message(name.to_owned());
    line.enable_steady_tick(Duration::from_millis(100));
    line
}

/// The templates are fixed, so they parse; if one did not, the plain spinner would do.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
