"""The product through the real AWS SDK (boto3) and the AWS CLI: what a user's own tools see.

    python3 tests/sdk/test_sdk.py PATH_TO_STEPWELL
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BINARY = os.path.abspath(sys.argv.pop(1))
ROLE = "arn:aws:iam::000000000000:role/test"


class Server:
    """A `stepwell serve` process over a folder of its own."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        command = [BINARY, "serve", "--port", str(self.port), "--data-dir", os.path.join(self.folder, "data")]
        self.log = open(os.path.join(self.folder, "log"), "a")
        self.process = subprocess.Popen(command, stderr=self.log)
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(open(self.log.name).read())
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.01)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()
        self.log.close()

    def client(self):
        return boto3.client(
            "stepfunctions",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
        )


def machine(**states):
    return json.dumps({"StartAt": next(iter(states)), "States": states})


PASS = machine(Hello={"Type": "Pass", "Result": {"hello": "world"}, "End": True})
WAIT = machine(Wait={"Type": "Wait", "Seconds": 600, "End": True})


class ServerTest(unittest.TestCase):
    """Tests that share a server."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.sfn = cls.server.client()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        shutil.rmtree(cls.server.folder)

    def create(self, name, definition, **more):
        return self.sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE, **more)["stateMachineArn"]

    def closed(self, execution_arn):
        while True:
            described = self.sfn.describe_execution(executionArn=execution_arn)
            if described["status"] != "RUNNING":
                return described
            time.sleep(0.01)

    def refused(self, code, call, **parameters):
        with self.assertRaises(ClientError) as caught:
            call(**parameters)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]


class SdkTest(ServerTest):
    def test_a_pass_state_from_http_to_disk_and_back(self):
        arn = self.create("pass", PASS)
        execution = self.sfn.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')["executionArn"]
        self.assertEqual(execution, "arn:aws:states:us-east-1:000000000000:execution:pass:one")
        described = self.closed(execution)
        self.assertEqual((described["status"], described["output"]), ("SUCCEEDED", '{"hello":"world"}'))
        events = self.sfn.get_execution_history(executionArn=execution)["events"]
        self.assertEqual(
            [(event["id"], event["previousEventId"], event["type"]) for event in events],
            [(1, 0, "ExecutionStarted"), (2, 0, "PassStateEntered"), (3, 2, "PassStateExited"), (4, 3, "ExecutionSucceeded")],
        )
        self.assertEqual(self.sfn.describe_state_machine(stateMachineArn=arn)["definition"], PASS)

    def test_starting_is_idempotent_while_it_runs(self):
        arn = self.create("idempotent", WAIT)
        start = dict(stateMachineArn=arn, name="same", input="{}")
        first, second = self.sfn.start_execution(**start), self.sfn.start_execution(**start)
        self.assertEqual(first["startDate"], second["startDate"])
        self.refused("ExecutionAlreadyExists", self.sfn.start_execution, **{**start, "input": '{"other": 1}'})
        self.sfn.stop_execution(executionArn=first["executionArn"], error="Enough", cause="of this")
        described = self.closed(first["executionArn"])
        self.assertEqual((described["status"], described["error"], described["cause"]), ("ABORTED", "Enough", "of this"))
        self.refused("ExecutionAlreadyExists", self.sfn.start_execution, **start)

    def test_paginators_give_everything_once_and_newest_first(self):
        arn = self.create("many", PASS)
        names = [f"run-{number}" for number in range(25)]
        for name in names:
            self.closed(self.sfn.start_execution(stateMachineArn=arn, name=name)["executionArn"])
        pages = self.sfn.get_paginator("list_executions").paginate(stateMachineArn=arn, PaginationConfig={"PageSize": 7})
        listed = [execution["name"] for page in pages for execution in page["executions"]]
        self.assertEqual(sorted(listed), sorted(names))
        succeeded = self.sfn.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED", maxResults=1000)
        self.assertEqual(len(succeeded["executions"]), 25)
        self.assertEqual(self.sfn.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"], [])

    def test_an_activity_worker_answers_heartbeats_and_fails(self):
        activity = self.sfn.create_activity(name="work")["activityArn"]
        task = {"Type": "Task", "Resource": activity, "HeartbeatSeconds": 60, "End": True}
        arn = self.create("activity", machine(Work=task))
        execution = self.sfn.start_execution(stateMachineArn=arn, input='{"n": 2}')["executionArn"]
        taken = self.sfn.get_activity_task(activityArn=activity, workerName="me")
        self.assertEqual(taken["input"], '{"n":2}')
        self.sfn.send_task_heartbeat(taskToken=taken["taskToken"])
        self.sfn.send_task_success(taskToken=taken["taskToken"], output='{"n": 4}')
        self.assertEqual(self.closed(execution)["output"], '{"n":4}')
        self.refused("TaskTimedOut", self.sfn.send_task_success, taskToken=taken["taskToken"], output="{}")
        failing = self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        token = self.sfn.get_activity_task(activityArn=activity)["taskToken"]
        self.sfn.send_task_failure(taskToken=token, error="Broken", cause="on purpose")
        self.assertEqual(self.closed(failing)["error"], "Broken")

    def test_an_express_execution_answers_at_once(self):
        arn = self.create("express", PASS, type="EXPRESS")
        answer = self.sfn.start_sync_execution(stateMachineArn=arn, input="{}")
        self.assertEqual((answer["status"], answer["output"]), ("SUCCEEDED", '{"hello":"world"}'))
        standard = self.create("not-express", PASS)
        self.refused("StateMachineTypeNotSupported", self.sfn.start_sync_execution, stateMachineArn=standard)

    def test_tags(self):
        arn = self.create("tagged", PASS, tags=[{"key": "team", "value": "a"}])
        self.sfn.tag_resource(resourceArn=arn, tags=[{"key": "stage", "value": "b"}])
        self.sfn.untag_resource(resourceArn=arn, tagKeys=["team"])
        self.assertEqual(self.sfn.list_tags_for_resource(resourceArn=arn)["tags"], [{"key": "stage", "value": "b"}])

    def test_an_update_leaves_running_executions_alone(self):
        arn = self.create("updated", machine(A={"Type": "Wait", "Seconds": 1, "Next": "B"}, B={"Type": "Pass", "Result": 1, "End": True}))
        execution = self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        self.sfn.update_state_machine(stateMachineArn=arn, definition=PASS)
        self.assertEqual(self.closed(execution)["output"], "1")
        snapshot = self.sfn.describe_state_machine_for_execution(executionArn=execution)
        self.assertIn('"B"', snapshot["definition"])

    def test_deleting_waits_for_running_executions(self):
        arn = self.create("deleted", WAIT)
        execution = self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        self.sfn.delete_state_machine(stateMachineArn=arn)
        self.sfn.stop_execution(executionArn=execution)
        self.closed(execution)
        while True:
            try:
                self.assertEqual(self.sfn.describe_state_machine(stateMachineArn=arn)["status"], "DELETING")
            except ClientError as error:
                self.assertEqual(error.response["Error"]["Code"], "StateMachineDoesNotExist")
                break
            time.sleep(0.01)

    def test_a_failed_execution_is_redriven(self):
        activity = self.sfn.create_activity(name="redriven")["activityArn"]
        work = {"Type": "Task", "Resource": activity, "Parameters": {"redrives.$": "$$.Execution.RedriveCount"}, "End": True}
        arn = self.create("redriven", machine(Before={"Type": "Pass", "Next": "Work"}, Work=work))
        execution = self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        task = self.sfn.get_activity_task(activityArn=activity)
        self.assertEqual(task["input"], '{"redrives":0}')
        self.refused("ExecutionNotRedrivable", self.sfn.redrive_execution, executionArn=execution)
        self.sfn.send_task_failure(taskToken=task["taskToken"], error="Broken")
        self.assertEqual(self.closed(execution)["redriveStatus"], "REDRIVABLE")

        # From a state machine, as well as by a client.
        redrive = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:redriveExecution", "End": True,
                   "Parameters": {"ExecutionArn": execution}}
        redriver = self.create("redriver", machine(Redrive=redrive))
        redriven = self.closed(self.sfn.start_execution(stateMachineArn=redriver)["executionArn"])
        self.assertIn("RedriveDate", json.loads(redriven["output"]))
        described = self.sfn.describe_execution(executionArn=execution)
        self.assertEqual((described["status"], described["redriveCount"]), ("RUNNING", 1))
        task = self.sfn.get_activity_task(activityArn=activity)
        self.assertEqual(task["input"], '{"redrives":1}')
        self.sfn.send_task_success(taskToken=task["taskToken"], output="1")
        described = self.closed(execution)
        self.assertEqual((described["status"], described["output"]), ("SUCCEEDED", "1"))
        self.assertEqual(described["redriveStatusReason"], "Execution is SUCCEEDED and cannot be redriven")
        events = self.sfn.get_execution_history(executionArn=execution)["events"]
        self.assertEqual([event["id"] for event in events], list(range(1, len(events) + 1)))
        self.assertEqual([event["type"] for event in events].count("PassStateEntered"), 1)
        for redrive_filter, expected in (("REDRIVEN", 1), ("NOT_REDRIVEN", 0)):
            listed = self.sfn.list_executions(stateMachineArn=arn, redriveFilter=redrive_filter)["executions"]
            self.assertEqual(len(listed), expected)

    def test_a_map_run_is_redriven(self):
        activity = self.sfn.create_activity(name="redriven-children")["activityArn"]
        processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Work",
                     "States": {"Work": {"Type": "Task", "Resource": activity, "End": True}}}
        items = {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": 1, "End": True}
        arn = self.create("redriven-map", machine(Items=items))
        execution = self.sfn.start_execution(stateMachineArn=arn, input="[1, 2, 3]")["executionArn"]
        for answer in ("1", None):
            token = self.sfn.get_activity_task(activityArn=activity)["taskToken"]
            if answer:
                self.sfn.send_task_success(taskToken=token, output=answer)
            else:
                self.sfn.send_task_failure(taskToken=token, error="Broken")
        self.assertEqual(self.closed(execution)["error"], "States.ExceedToleratedFailureThreshold")
        map_run = self.sfn.list_map_runs(executionArn=execution)["mapRuns"][0]["mapRunArn"]
        described = self.sfn.describe_map_run(mapRunArn=map_run)
        self.assertEqual((described["status"], described["redriveCount"]), ("FAILED", 0))
        self.assertNotIn("redriveDate", described)
        failed = self.sfn.list_executions(mapRunArn=map_run, statusFilter="FAILED")["executions"]
        self.assertEqual(len(failed), 1)
        child = self.sfn.describe_execution(executionArn=failed[0]["executionArn"])
        self.assertEqual(child["redriveStatus"], "REDRIVABLE_BY_MAP_RUN")
        self.refused("ExecutionNotRedrivable", self.sfn.redrive_execution, executionArn=failed[0]["executionArn"])

        # A server that is killed goes on with it.
        self.sfn.redrive_execution(executionArn=execution)
        self.server.stop(signal.SIGKILL)
        self.server.start()
        for answer in ("2", "3"):
            token = self.sfn.get_activity_task(activityArn=activity)["taskToken"]
            self.sfn.send_task_success(taskToken=token, output=answer)
        described = self.closed(execution)
        self.assertEqual((described["status"], described["output"]), ("SUCCEEDED", "[1,2,3]"))
        described = self.sfn.describe_map_run(mapRunArn=map_run)
        self.assertEqual((described["status"], described["redriveCount"]), ("SUCCEEDED", 1))
        self.assertIn("redriveDate", described)
        for counts in (described["itemCounts"], described["executionCounts"]):
            self.assertEqual({name: count for name, count in counts.items() if count}, {"succeeded": 3, "total": 3, "resultsWritten": 3})
        events = self.sfn.get_execution_history(executionArn=execution)["events"]
        details = [event["mapRunRedrivenEventDetails"] for event in events if event["type"] == "MapRunRedriven"]
        self.assertEqual(details, [{"mapRunArn": map_run, "redriveCount": 1}])
        redriven = self.sfn.list_executions(mapRunArn=map_run, redriveFilter="REDRIVEN")["executions"]
        self.assertEqual([(item["executionArn"], item["redriveCount"]) for item in redriven], [(failed[0]["executionArn"], 1)])

    def test_a_state_is_tested_on_its_own(self):
        task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:listActivities", "End": True}
        real = self.sfn.test_state(definition=json.dumps(task), roleArn=ROLE, inspectionLevel="DEBUG")
        self.assertEqual("SUCCEEDED", real["status"])
        self.assertEqual(real["output"], real["inspectionData"]["result"])
        self.assertIn("Activities", json.loads(real["output"]))

        task |= {"Retry": [{"ErrorEquals": ["Sfn.InvalidTokenException"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "A"}]}
        failing = {"Parameters": {"NextToken": "nonsense"}}
        failed = self.sfn.test_state(definition=json.dumps(task | failing), roleArn=ROLE, inspectionLevel="TRACE")
        self.assertEqual(("RETRIABLE", "Sfn.InvalidTokenException"), (failed["status"], failed["error"]))

    def test_a_state_is_tested_with_a_mock(self):
        whole = machine(
            Ask={"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Next": "Hello",
                 "Parameters": {"TableName": "t", "Key": {"id": {"S.$": "$.id"}}}, "ResultPath": "$.found"},
            Hello={"Type": "Pass", "End": True},
        )
        ask = dict(definition=whole, stateName="Ask", input='{"id": "7"}')
        tested = self.sfn.test_state(mock={"result": '{"Item": {"id": {"S": "7"}}}'}, inspectionLevel="DEBUG", **ask)
        self.assertEqual(("SUCCEEDED", "Hello"), (tested["status"], tested["nextState"]))
        self.assertEqual({"id": "7", "found": {"Item": {"id": {"S": "7"}}}}, json.loads(tested["output"]))
        parameters = json.loads(tested["inspectionData"]["afterParameters"])
        self.assertEqual({"TableName": "t", "Key": {"id": {"S": "7"}}}, parameters)
        why = self.refused("ValidationException", self.sfn.test_state, mock={"result": '{"Item": 7}'}, **ask)
        self.assertEqual("Mock result schema validation error: Field 'Item' must be an object", why)
        why = self.refused("ValidationException", self.sfn.test_state, **ask | {"stateName": "Other"})
        self.assertEqual("State not found in definition", why)

    def test_a_state_machine_tests_a_state(self):
        arguments = {"Definition": {"Type": "Pass", "Result": 7, "End": True}, "InspectionLevel": "DEBUG"}
        definition = machine(Test={"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:testState",
                                   "Parameters": arguments, "End": True})
        execution = self.sfn.start_execution(stateMachineArn=self.create("tester", definition))["executionArn"]
        output = json.loads(self.closed(execution)["output"])
        self.assertEqual(("SUCCEEDED", "7"), (output["Status"], output["InspectionData"]["Result"]))

    def test_bad_input_is_refused_in_aws_words(self):
        message = self.refused("InvalidDefinition", self.sfn.create_state_machine, name="bad", definition="{}", roleArn=ROLE)
        self.assertEqual(message, "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /'")
        self.assertEqual(self.refused("InvalidName", self.sfn.create_activity, name="a b"), "Invalid Name: 'a b'")
        self.refused("InvalidArn", self.sfn.describe_execution, executionArn="nonsense")


class CommandLineTest(unittest.TestCase):
    """The AWS CLI, pointed here by `stepwell env`."""

    def test_the_aws_cli_follows_stepwell_env(self):
        server = Server()
        self.addCleanup(shutil.rmtree, server.folder)
        self.addCleanup(server.stop)
        exports = subprocess.check_output([BINARY, "env", "--endpoint", server.endpoint], text=True)
        create = f"aws stepfunctions create-state-machine --name cli --type EXPRESS --role-arn {ROLE} --definition '{PASS}' --query stateMachineArn --output text"
        arn = subprocess.check_output(["sh", "-c", exports + create], text=True).strip()
        start = f"aws stepfunctions start-sync-execution --state-machine-arn {arn} --query output --output text"
        self.assertEqual(subprocess.check_output(["sh", "-c", exports + start], text=True).strip(), '{"hello":"world"}')


class DurabilityTest(unittest.TestCase):
    def test_a_killed_server_goes_on_where_it_was(self):
        server = Server()
        self.addCleanup(shutil.rmtree, server.folder)
        sfn = server.client()
        definition = machine(Wait={"Type": "Wait", "Seconds": 2, "Next": "Done"}, Done={"Type": "Pass", "Result": "done", "End": True})
        arn = sfn.create_state_machine(name="kill", definition=definition, roleArn=ROLE)["stateMachineArn"]
        executions = [sfn.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(20)]
        server.stop(signal.SIGKILL)
        server.start()
        self.addCleanup(server.stop)
        for execution in executions:
            while (described := sfn.describe_execution(executionArn=execution))["status"] == "RUNNING":
                time.sleep(0.05)
            self.assertEqual(described["output"], '"done"')
            events = sfn.get_execution_history(executionArn=execution)["events"]
            self.assertEqual([event["id"] for event in events], list(range(1, len(events) + 1)))


if __name__ == "__main__":
    unittest.main(verbosity=1)
