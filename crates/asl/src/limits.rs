//! Every limit in one place. AWS's quotas are the defaults; each can be configured.
//!
//! What is no quota but part of the language or of the API is not here: how many seconds a timeout can count, how long a
//! name, an error or a cause can be, how many results a page has. An operator who changed it would change ASL, or what
//! SDKs send and expect.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>

use crate::StateMachineType;
use serde::{Deserialize, Serialize};

/// How much of everything there may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of an input, output or result.
    pub payload_bytes_max: usize,
    /// Events of the history of one Standard execution.
    pub history_events_max: u64,
    /// Events of one Express execution. AWS has no such limit: its states take milliseconds each, so that the five minutes
    /// are one. Here they take microseconds, and a loop without end would keep a processor busy all that time.
    pub express_history_events_max: u64,
    /// Bytes of inputs, outputs and variables in one page of a history; a page with more has fewer events than were
    /// asked for, but at least one.
    pub history_page_bytes_max: usize,
    /// Characters of a definition.
    pub definition_chars_max: usize,
    /// Bytes of one API request.
    pub request_bytes_max: usize,
    /// Bytes of an input, an output or the variables of an event in a log record, as they stand escaped in it; what is larger
    /// is cut, and the record says so. CloudWatch Logs takes no more.
    pub log_data_bytes_max: usize,
    /// Bytes of input and output together in the event of a change of status, as they stand escaped in it; what is larger is
    /// left out, and the event says so. EventBridge takes no more.
    pub event_data_bytes_max: usize,
    /// Seconds that a Standard execution may take.
    pub standard_seconds_max: u64,
    /// Seconds that an Express execution may take.
    pub express_seconds_max: u64,
    /// Iterations of an inline Map that run at once when `MaxConcurrency` is 0 or larger.
    pub inline_map_concurrency_max: usize,
    /// Children of a Map Run that run at once when `MaxConcurrency` is 0 or larger.
    pub distributed_map_concurrency_max: u64,
    /// What `MaxItems` of an `ItemReader`, and `MaxItemsPerBatch`, may count.
    pub map_run_items_max: u64,
    /// Bytes of the items, as JSON, that an `ItemReader` reads for one Map Run: they are stored with it.
    pub map_run_items_bytes_max: usize,
    /// Bytes of the results of a Map Run before its state has selected from them. What the state gives out is bounded
    /// like any other output.
    pub map_run_result_bytes_max: u64,
    /// Bytes of one variable, and of one `Assign`.
    pub variable_bytes_max: usize,
    /// Bytes of all variables of one execution.
    pub variables_bytes_total_max: usize,
    /// Bytes of the outputs of all branches of a Parallel, or of all iterations of an inline Map, before its state has
    /// selected from them. What the state gives out is bounded like any other output.
    pub result_bytes_max: u64,
    /// Bytes of memory, as an estimate, that one execution takes; one that comes to more fails. The estimate is rather too
    /// high: it counts text twice, and what several states hold in each of them.
    pub execution_bytes_max: u64,
    /// Executions open at once, per account and Region.
    pub open_executions_max: u64,
    /// Map Runs open at once, per account and Region, at least one; further ones wait at their `MapRunStarted` event.
    pub open_map_runs_max: u64,
    /// Express executions that run at once. They are in memory, so there is a limit, which AWS has not.
    pub express_executions_max: u64,
    /// Bytes of memory, as an estimate, that the Express executions take that run at once, from which on no other is started,
    /// until enough of them have ended. Large ones that run then go on one after the other, on each shard. If all come to
    /// [`Limits::execution_bytes_max`] more, those fail that go on and take more than their share, which is the same for all.
    pub express_executions_bytes_max: u64,
    /// State machines per account and Region.
    pub state_machines_max: u64,
    /// Published versions of one state machine.
    pub versions_per_state_machine_max: u64,
    /// Aliases of one state machine.
    pub aliases_per_state_machine_max: usize,
    /// Activities per account and Region.
    pub activities_max: u64,
    /// Tags of one resource.
    pub tags_per_resource_max: usize,
    /// Pollers of one activity at once.
    pub activity_pollers_max: usize,
    /// Seconds that GetActivityTask waits for a task before it answers that there is none.
    pub activity_poll_seconds: u64,
    /// Hours that a page token is good.
    pub page_token_hours: u64,
    /// Seconds that the test of a state may take.
    pub test_state_seconds_max: u64,
    /// Tests of states that run at once; more of them wait in line.
    pub state_tests_at_once_max: usize,
    /// Days that a closed execution is kept.
    pub retention_days: u64,
    /// Minutes that it is kept beyond those days: for a retention of less than a day.
    pub retention_minutes: u64,
    /// Days after its end in which the name of an execution is not given again, also if it is kept for a shorter time.
    pub name_reuse_days: u64,
    /// Days after its end in which an execution can be redriven; no more than it is kept.
    pub redrive_days: u64,
    /// Client tokens of RedriveExecution that are known of one execution: the latest.
    pub redrive_tokens_max: usize,
    /// Minutes after its redrive in which a client token is known.
    pub redrive_token_minutes: u64,
    /// How often one Map Run can be redriven.
    pub map_run_redrives_max: u32,
}

impl Limits {
    /// Events that the history of an execution of this type may have.
    pub fn events_max(&self, state_machine_type: StateMachineType) -> u64 {
        match state_machine_type {
            StateMachineType::Standard => self.history_events_max,
            StateMachineType::Express => self.express_history_events_max,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            payload_bytes_max: 262_144,
            history_events_max: 25_000,
            express_history_events_max: 250_000,
            history_page_bytes_max: 8 << 20,
            definition_chars_max: 1_048_576,
            request_bytes_max: 1_048_576,
            log_data_bytes_max: 248 << 10,
            event_data_bytes_max: 248 << 10,
            standard_seconds_max: 31_536_000,
            express_seconds_max: 300,
            inline_map_concurrency_max: 40,
            distributed_map_concurrency_max: 10_000,
            map_run_items_max: 100_000_000,
            map_run_items_bytes_max: 16 << 20,
            map_run_result_bytes_max: 16 << 20,
            variable_bytes_max: 262_144,
            variables_bytes_total_max: 10_485_760,
            result_bytes_max: 16 << 20,
            execution_bytes_max: 2 << 30,
            open_executions_max: 1_000_000,
            open_map_runs_max: 1_000,
            express_executions_max: 100_000,
            express_executions_bytes_max: 1 << 30,
            state_machines_max: 100_000,
            versions_per_state_machine_max: 1_000,
            aliases_per_state_machine_max: 100,
            activities_max: 100_000,
            tags_per_resource_max: 50,
            activity_pollers_max: 1_000,
            activity_poll_seconds: 60,
            page_token_hours: 24,
            test_state_seconds_max: 300,
            state_tests_at_once_max: 64,
            retention_days: 90,
            retention_minutes: 0,
            name_reuse_days: 90,
            redrive_days: 14,
            redrive_tokens_max: 10,
            redrive_token_minutes: 15,
            map_run_redrives_max: 1_000,
        }
    }
}

impl Limits {
    /// To read a definition with that was accepted before: under which limits is not known, and does not matter any more.
    pub fn of_accepted() -> Limits {
        Limits { payload_bytes_max: usize::MAX, map_run_items_max: u64::MAX, ..Limits::default() }
    }
}
