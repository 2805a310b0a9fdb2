//! What a check gives: the violations that it found, and how much it had to take on trust.

use std::fmt;

/// What was found in one history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// In the order of the events. Empty: the history is a legal path of the definition.
    pub violations: Vec<Violation>,
    /// Events that were looked at. The path ends at the first event that nothing explains; what is checked of the events
    /// behind it is their form only.
    pub events: u64,
    /// Values that no history can tell (`States.UUID`, `$random`, `$now`, times and names in the context object, task
    /// tokens, what a Map Run came to): they were taken from what the history shows next, and only their form was checked.
    pub trusted: u64,
    /// Events without a timestamp: of them nothing that has to do with time was checked.
    pub untimed: u64,
    /// Whether the history is complete: its last event ends the execution.
    pub closed: bool,
}

/// Something that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The event that cannot be; 0 where it is no event that is wrong.
    pub event_id: u64,
    pub rule: Rule,
    /// What was expected and what was found.
    pub message: String,
}

/// Which kind of proof failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// The definition is none, or the input is no JSON: nothing can be checked.
    Readable,
    /// Ids count from 1 without a gap.
    Ids,
    /// `previousEventId` names an event before, and the one that this event follows.
    Previous,
    /// The event is the next one of some branch of the execution.
    Path,
    /// An input, output, set of parameters or variable is what the definition makes of the data.
    Data,
    /// The other members: names, resources, timeouts, indices, errors and causes.
    Details,
    /// Timestamps never decrease.
    Timestamps,
    /// Nothing that waits for a time happens before it.
    Timers,
    /// One event ends the execution, and it is the last; nothing is left open.
    Terminal,
    /// A quota of AWS holds.
    Limits,
    /// DescribeExecution says the same.
    Described,
}

impl Rule {
    /// All of them.
    pub const ALL: &'static [Rule] = &[
        Rule::Readable,
        Rule::Ids,
        Rule::Previous,
        Rule::Path,
        Rule::Data,
        Rule::Details,
        Rule::Timestamps,
        Rule::Timers,
        Rule::Terminal,
        Rule::Limits,
        Rule::Described,
    ];

    /// As reports name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::Readable => "readable",
            Rule::Ids => "ids",
            Rule::Previous => "previous",
            Rule::Path => "path",
            Rule::Data => "data",
            Rule::Details => "details",
            Rule::Timestamps => "timestamps",
            Rule::Timers => "timers",
            Rule::Terminal => "terminal",
            Rule::Limits => "limits",
            Rule::Described => "described",
        }
    }
}

impl Verdict {
    /// Whether the history is a legal path of its definition, or of one that has not ended, the beginning of one.
    pub fn is_legal(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: {}: {}", self.event_id, self.rule.as_str(), self.message)
    }
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.violations.iter().try_for_each(|violation| writeln!(f, "{violation}"))?;
        let what = if self.is_legal() { "legal" } else { "not legal" };
        // What follows a violation was not looked at, nor whether there is an end.
        let end = if self.closed || !self.is_legal() { "" } else { ", not ended" };
        let (events, trusted) = (counted(self.events, "event"), counted(self.trusted, "value"));
        write!(f, "{what}: {events}{end}, {trusted} taken on trust")?;
        if self.untimed > 0 {
            write!(f, ", {} without a timestamp", counted(self.untimed, "event"))?;
        }
        Ok(())
    }
}
