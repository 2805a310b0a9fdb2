//! `ValidateStateMachineDefinition`: tells what is wrong with a definition; a definition that is wrong is no error.

use crate::model::{
    ValidateStateMachineDefinitionDiagnostic, ValidateStateMachineDefinitionInput, ValidateStateMachineDefinitionOutput,
};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, definition};
use asl::{Diagnostic, Severity};

/// Diagnostics when `maxResults` is 0 or not given.
const DIAGNOSTICS_DEFAULT: usize = 100;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html>
pub(crate) struct ValidateStateMachineDefinition;

impl Operation for ValidateStateMachineDefinition {
    const NAME: &'static str = "ValidateStateMachineDefinition";
    type Input = ValidateStateMachineDefinitionInput;
    type Output = ValidateStateMachineDefinitionOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: ValidateStateMachineDefinitionInput,
    ) -> Result<ValidateStateMachineDefinitionOutput, ApiError> {
        let state_machine_type = definition::state_machine_type(input.r#type.as_deref());
        let parsed = definition::read(api, &input.definition, state_machine_type).await?;
        let warnings_too = input.severity.as_deref() == Some("WARNING");
        let has_error = parsed.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        let max = input.max_results.and_then(|max| usize::try_from(max).ok()).filter(|max| *max > 0);
        let max = max.unwrap_or(DIAGNOSTICS_DEFAULT);
        let mut diagnostics: Vec<ValidateStateMachineDefinitionDiagnostic> = (parsed.diagnostics.into_iter())
            .filter(|diagnostic| warnings_too || diagnostic.severity == Severity::Error)
            .map(on_the_wire)
            .collect();
        let truncated = diagnostics.len() > max;
        diagnostics.truncate(max);
        Ok(ValidateStateMachineDefinitionOutput {
            result: if has_error { "FAIL" } else { "OK" }.into(),
            diagnostics,
            truncated: Some(truncated),
        })
    }
}

fn on_the_wire(diagnostic: Diagnostic) -> ValidateStateMachineDefinitionDiagnostic {
    ValidateStateMachineDefinitionDiagnostic {
        severity: diagnostic.severity.as_str().into(),
        code: diagnostic.code.as_str().into(),
        message: diagnostic.message.into(),
        location: diagnostic.location.map(Into::into),
    }
}
