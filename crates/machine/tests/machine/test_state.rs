//! One state on its own: what becomes of it, and the values in between.

use crate::world::{ambient, facts};
use asl::{Limits, StateMachineType};
use json::{Object, Payload, Value};
use machine::{Failure, Inspection, Mock, StateTest, TestSetup, TestStatus, Tested, Trigger};

fn result(text: &str) -> TestSetup {
    TestSetup { mock: Some(Mock::Result(Payload::parse(text).unwrap())), ..TestSetup::default() }
}

fn failure(error: &str) -> TestSetup {
    let failure = Failure { error: Some(error.into()), cause: Some("why".into()) };
    TestSetup { mock: Some(Mock::Failure(failure)), ..TestSetup::default() }
}

fn object(text: &str) -> Object {
    Value::parse(text).unwrap().as_object().unwrap().clone()
}

fn test(state: &str, input: &str, setup: TestSetup) -> Tested {
    let parsed = asl::parse_state(state, "S", &Limits::default());
    let definition = parsed.state_machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    let mut test = StateTest::new(facts(StateMachineType::Express, input), definition, setup);
    let token_of = |id: u64| format!("token of {id}").into();
    let step = test.step(Trigger::Start, &ambient(0, 0), &Limits::default(), &token_of).unwrap();
    assert!(step.outcome.is_some(), "{:?}", step.effects);
    test.tested().unwrap()
}

/// The values in between as `name=text`, in the order of the API's model.
fn values(inspection: &Inspection) -> String {
    let payloads = [
        ("arguments", &inspection.after_arguments),
        ("input", &inspection.after_input_path),
        ("parameters", &inspection.after_parameters),
        ("result", &inspection.result),
        ("selected", &inspection.after_result_selector),
        ("combined", &inspection.after_result_path),
        ("variables", &inspection.variables),
        ("items", &inspection.after_items_path),
        ("pointed", &inspection.after_items_pointer),
        ("each", &inspection.after_item_selector),
        ("batches", &inspection.after_item_batcher),
    ];
    let shown = payloads.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?.text())));
    let counts = [
        ("concurrency", inspection.max_concurrency.map(|count| count.to_string())),
        ("count", inspection.tolerated_failure_count.map(|count| count.to_string())),
        ("percentage", inspection.tolerated_failure_percentage.map(|share| share.to_string())),
        ("retrier", inspection.retry_index.map(|place| place.to_string())),
        ("delay", inspection.retry_delay_ms.map(|delay| delay.to_string())),
        ("catcher", inspection.catch_index.map(|place| place.to_string())),
    ];
    let counted = counts.into_iter().filter_map(|(name, count)| Some(format!("{name}={}", count?)));
    shown.chain(counted).collect::<Vec<_>>().join(" ")
}

fn outcome(tested: &Tested) -> String {
    let output = tested.output.as_ref().map_or(String::new(), |output| format!(" {}", output.text()));
    let next = tested.next_state.as_ref().map_or(String::new(), |next| format!(" to {next}"));
    let error =
        tested.failure.as_ref().map_or(String::new(), |failure| format!(" {}", failure.error.as_ref().unwrap()));
    format!("{:?}{output}{next}{error}", tested.status)
}

#[track_caller]
fn check(state: &str, input: &str, setup: TestSetup, expected: &str, inspected: &str) {
    let tested = test(state, input, setup);
    assert_eq!(outcome(&tested), expected, "{:?}", tested.failure);
    assert_eq!(values(&tested.inspection), inspected);
}

#[test]
fn states_without_a_task() {
    let none = TestSetup::default;
    check(
        r#"{"Type":"Pass","InputPath":"$.a","Parameters":{"p.$":"$.x"},"ResultPath":"$.r","Next":"N"}"#,
        r#"{"a":{"x":1}}"#,
        none(),
        r#"Succeeded {"a":{"x":1},"r":{"p":1}} to N"#,
        r#"input={"x":1} parameters={"p":1} selected={"p":1} combined={"a":{"x":1},"r":{"p":1}}"#,
    );
    // A `Result` makes what comes before it unseen.
    check(
        r#"{"Type":"Pass","InputPath":"$.missing","Result":7,"End":true}"#,
        "{}",
        none(),
        "Succeeded 7",
        "result=7 selected=7 combined=7",
    );
    check(r#"{"Type":"Succeed"}"#, "[1]", none(), "Succeeded [1]", "input=[1]");
    check(r#"{"Type":"Fail","Error":"E"}"#, "1", none(), "Failed E", "input=1");
    check(r#"{"Type":"Fail","Error":"E","QueryLanguage":"JSONata"}"#, "1", none(), "Failed E", "");
    check(
        r#"{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"A"}],"Default":"B"}"#,
        "{}",
        none(),
        "Succeeded {} to B",
        "input={}",
    );
    check(r#"{"Type":"Wait","Seconds":0,"Next":"N"}"#, "1", none(), "Succeeded 1 to N", "input=1");
}

#[test]
fn a_cause_names_no_event() {
    let tested = test(r#"{"Type":"Pass","InputPath":"$.x","End":true}"#, "{}", TestSetup::default());
    assert_eq!(outcome(&tested), "Failed States.Runtime");
    let cause = tested.failure.unwrap().cause.unwrap();
    assert_eq!(&*cause, "Invalid path '$.x' : No results for path: $['x']");
}

#[test]
fn variables_are_there_before_and_after() {
    let setup = TestSetup { variables: Some(object(r#"{"a":1}"#)), ..TestSetup::default() };
    let state =
        r#"{"Type":"Pass","QueryLanguage":"JSONata","Assign":{"b":"{% $a + 1 %}"},"Output":"{% $a %}","End":true}"#;
    check(state, "{}", setup, "Succeeded 1", r#"variables={"a":1,"b":2}"#);
}

const TASK: &str = r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke","#;

#[test]
fn tasks() {
    let state = format!(
        r#"{{{TASK}"Parameters":{{"FunctionName":"f"}},"ResultSelector":{{"s.$":"$.r"}},"ResultPath":"$.t","Next":"N"}}"#
    );
    check(
        &state,
        "{}",
        result(r#"{"r":1}"#),
        r#"Succeeded {"t":{"s":1}} to N"#,
        r#"input={} parameters={"FunctionName":"f"} result={"r":1} selected={"s":1} combined={"t":{"s":1}}"#,
    );
    let state = format!(
        r#"{{{TASK}"QueryLanguage":"JSONata","Arguments":{{"FunctionName":"f"}},"Output":"{{% $states.result.r %}}","End":true}}"#
    );
    let inspected = r#"arguments={"FunctionName":"f"} result={"r":1}"#;
    check(&state, "{}", result(r#"{"r":1}"#), "Succeeded 1", inspected);
    let arguments = r#"arguments={"FunctionName":"f"}"#;
    check(&state, "{}", failure("E"), "Failed E", arguments);
}

#[test]
fn retriers_and_catchers() {
    let state = format!(
        r#"{{{TASK}"QueryLanguage":"JSONata","Arguments":{{}},"End":true,
        "Retry":[{{"ErrorEquals":["X"]}},{{"ErrorEquals":["A","B"],"MaxAttempts":3,"IntervalSeconds":2}}],
        "Catch":[{{"ErrorEquals":["X"],"Next":"N"}},{{"ErrorEquals":["B"],"Next":"M","Output":"{{% $states.errorOutput.Cause %}}"}}]}}"#
    );
    let after = |error: &str, retries| TestSetup { retrier_retry_count: Some(retries), ..failure(error) };
    check(&state, "{}", failure("A"), "Retriable A", "arguments={} retrier=1 delay=2000");
    check(&state, "{}", after("A", 2), "Retriable A", "arguments={} retrier=1 delay=8000");
    check(&state, "{}", after("A", 3), "Failed A", "arguments={} retrier=1");
    check(&state, "{}", after("B", 3), r#"CaughtError "why" to M B"#, "arguments={} retrier=1 catcher=1");
    check(&state, "{}", failure("C"), "Failed C", "arguments={}");
}

#[test]
fn branches_are_mocked_as_a_whole() {
    let state = r#"{"Type":"Parallel","ResultPath":"$.r","Branches":[{"StartAt":"B","States":{"B":{"Type":"Succeed"}}}],
        "Next":"N"}"#;
    check(state, "{}", result("[1]"), r#"Succeeded {"r":[1]} to N"#, r#"selected=[1] combined={"r":[1]}"#);
}

fn map(fields: &str) -> String {
    format!(
        r#"{{"Type":"Map","End":true,{fields},"ItemProcessor":{{"StartAt":"I","States":{{"I":{{"Type":"Succeed"}}}},
        "ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}}}}}}"#
    )
}

#[test]
fn maps() {
    check(
        &map(r#""ItemsPath":"$.l","ItemSelector":{"v.$":"$$.Map.Item.Value"},"MaxConcurrency":3"#),
        r#"{"l":[1,2]}"#,
        result("[3,4]"),
        "Succeeded [3,4]",
        r#"input={"l":[1,2]} selected=[3,4] combined=[3,4] items=[1,2] each=[{"v":1},{"v":2}] concurrency=3"#,
    );
    check(
        &map(r#""ItemBatcher":{"MaxItemsPerBatch":2,"BatchInput":{"b":0}}"#),
        "[1,2,3]",
        result("[]"),
        "Succeeded []",
        r#"input=[1,2,3] selected=[] combined=[] items=[1,2,3] batches=[{"BatchInput":{"b":0},"Items":[1,2]},{"BatchInput":{"b":0},"Items":[3]}] concurrency=0"#,
    );
    let state = map(r#""ItemsPath":"$.l""#);
    check(&state, r#"{"l":7}"#, result("[]"), "Failed States.Runtime", r#"input={"l":7}"#);
}

#[test]
fn failed_iterations_are_tolerated_up_to_a_threshold() {
    let failed = |failures| TestSetup { map_iteration_failure_count: Some(failures), ..result("[0]") };
    let exceeded = "Failed States.ExceedToleratedFailureThreshold";
    let data = "input=[1,2,3,4] items=[1,2,3,4] concurrency=0";
    let fine = "input=[1,2,3,4] selected=[0] combined=[0] items=[1,2,3,4] concurrency=0";
    let count = map(r#""ToleratedFailureCount":1"#);
    check(&count, "[1,2,3,4]", failed(1), "Succeeded [0]", &format!("{fine} count=1"));
    check(&count, "[1,2,3,4]", failed(2), exceeded, &format!("{data} count=1"));
    let percentage = map(r#""ToleratedFailurePercentage":25"#);
    check(&percentage, "[1,2,3,4]", failed(1), "Succeeded [0]", &format!("{fine} percentage=25"));
    check(&percentage, "[1,2,3,4]", failed(2), exceeded, &format!("{data} percentage=25"));
    // Recorded: without a threshold any number is tolerated.
    check(&map(r#""MaxConcurrency":0"#), "[1,2,3,4]", failed(4), "Succeeded [0]", fine);
}

#[test]
fn items_that_a_reader_would_read() {
    let state =
        map(r#""ItemSelector":{"v.$":"$$.Map.Item.Value"},"ItemReader":{"Resource":"arn:aws:states:::s3:getObject",
        "Parameters":{"Bucket":"b"},"ReaderConfig":{"InputType":"JSON","ItemsPointer":"/a~1b/0","MaxItems":1}}"#);
    let read = |text: &str| TestSetup { map_item_reader_data: Some(text.into()), ..result("[]") };
    check(
        &state,
        "{}",
        read(r#"{"a/b":[[8,9]]}"#),
        "Succeeded []",
        r#"input={} selected=[] combined=[] pointed=[8,9] each=[{"v":8}] concurrency=0"#,
    );
    check(&state, "{}", read("{}"), "Failed States.ItemReaderFailed", "input={}");
    // Nobody says what is read.
    check(&state, "{}", result("[]"), "Succeeded []", "input={} selected=[] combined=[] concurrency=0");
}

#[test]
fn a_context_object_that_is_given() {
    let given = object(r#"{"Execution":{"Id":"mine"},"Map":{"Item":{"Index":4}},"Task":{"Token":"t"}}"#);
    let setup = TestSetup { context_object: Some(given), retrier_retry_count: Some(2), ..result("{}") };
    let state = r#"{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","End":true,
        "Parameters":{"QueueUrl":"q","MessageBody":{"e.$":"$$.Execution.Id","n.$":"$$.State.Name","i.$":"$$.Map.Item.Index",
        "t.$":"$$.Task.Token","r.$":"$$.State.RetryCount"}}}"#;
    let tested = test(state, "{}", setup);
    assert_eq!(tested.status, TestStatus::Succeeded);
    let parameters = tested.inspection.after_parameters.unwrap();
    let body = parameters.value().get("MessageBody").unwrap().to_string();
    assert_eq!(body, r#"{"e":"mine","n":"S","i":4,"t":"t","r":2}"#);
}
