//! `StartSyncExecution`: runs an execution of an Express state machine and waits for its end.

use crate::model::{BillingDetails, StartExecutionInput, StartSyncExecutionInput, StartSyncExecutionOutput};
use crate::operation::Operation;
use crate::operations::execution_input;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, record};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html>
pub(crate) struct StartSyncExecution;

impl Operation for StartSyncExecution {
    const NAME: &'static str = "StartSyncExecution";
    type Input = StartSyncExecutionInput;
    type Output = StartSyncExecutionOutput;

    async fn call(
        api: &Api,
        caller: &Caller,
        input: StartSyncExecutionInput,
    ) -> Result<StartSyncExecutionOutput, ApiError> {
        let with_data = record::with_data(input.included_data.as_ref());
        let StartSyncExecutionInput { state_machine_arn, name, input, trace_header, .. } = input;
        let input = StartExecutionInput { state_machine_arn, name, input, trace_header };
        let start = execution_input::start(caller, input)?;
        let result = api.engine().start_sync_execution(start).await?;
        let record = result.record;
        let (output, error, cause) = record::outcome(record.outcome);
        Ok(StartSyncExecutionOutput {
            execution_arn: record.arn,
            state_machine_arn: Some(record.state_machine_arn),
            name: Some(record.name),
            start_date: Timestamp(record.start_ms),
            stop_date: Timestamp(record.stop_ms.unwrap_or(record.start_ms)),
            status: record::status_name(record.status).into(),
            error: error.filter(|_| with_data),
            cause: cause.filter(|_| with_data),
            input: with_data.then_some(record.input_text),
            input_details: Some(record::data_details(with_data)),
            output_details: output.as_ref().map(|_| record::data_details(with_data)),
            output: output.filter(|_| with_data),
            trace_header: record.trace_header,
            billing_details: Some(BillingDetails {
                billed_memory_used_in_mb: i64::try_from(result.billed_memory_mb).ok(),
                billed_duration_in_milliseconds: i64::try_from(result.billed_duration_ms).ok(),
            }),
        })
    }
}
