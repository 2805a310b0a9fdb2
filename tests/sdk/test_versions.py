"""Versions, aliases, lists and the sequences of deployment tools, through the real AWS SDK (boto3).

    python3 tests/sdk/test_versions.py PATH_TO_STEPWELL
"""

import collections
import json
import signal
import subprocess
import unittest

import test_sdk
from botocore.waiter import WaiterModel, create_waiter_with_client
from test_sdk import PASS, ROLE, WAIT, machine


def passing(result):
    return machine(Hello={"Type": "Pass", "Result": result, "End": True})


class VersionsTest(test_sdk.ServerTest):
    def versions(self, name, count):
        """A state machine with so many versions: its ARN and theirs."""
        created = self.sfn.create_state_machine(name=name, definition=passing(1), roleArn=ROLE, publish=True)
        arn, arns = created["stateMachineArn"], [created["stateMachineVersionArn"]]
        for number in range(2, count + 1):
            updated = self.sfn.update_state_machine(stateMachineArn=arn, definition=passing(number), publish=True)
            arns.append(updated["stateMachineVersionArn"])
        self.assertEqual(arns, [f"{arn}:{number}" for number in range(1, count + 1)])
        return arn, arns

    def alias(self, name, *routes):
        routing = [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in routes]
        return self.sfn.create_state_machine_alias(name=name, routingConfiguration=routing)["stateMachineAliasArn"]

    def pages(self, call, key, size, **parameters):
        """Everything that a list holds, so many at a time. For these operations boto3 has no paginator."""
        found, token = [], {}
        while True:
            page = call(maxResults=size, **token, **parameters)
            self.assertLessEqual(len(page[key]), size)
            found += page[key]
            if "nextToken" not in page:
                return found
            token = {"nextToken": page["nextToken"]}

    def test_an_alias_routes_by_weight(self):
        arn, (first, second) = self.versions("routed", 2)
        alias = self.alias("live", (first, 90), (second, 10))
        started = [self.sfn.start_execution(stateMachineArn=alias)["executionArn"] for _ in range(1000)]
        routed = collections.Counter()
        outputs = {first: "1", second: "2"}
        for execution in started:
            described = self.closed(execution)
            self.assertEqual(described["stateMachineAliasArn"], alias)
            version = described["stateMachineVersionArn"]
            self.assertEqual(described["output"], outputs[version])
            routed[version] += 1
        begun = self.sfn.get_execution_history(executionArn=started[0])["events"][0]["executionStartedEventDetails"]
        self.assertEqual(begun["stateMachineAliasArn"], alias)
        self.assertIn(begun["stateMachineVersionArn"], (first, second))
        # Ten standard deviations on each side.
        self.assertTrue(805 <= routed[first] <= 995, routed)
        for of, count in [(arn, 1000), (alias, 1000), (first, routed[first]), (second, routed[second])]:
            pages = self.sfn.get_paginator("list_executions").paginate(stateMachineArn=of)
            listed = [execution["executionArn"] for page in pages for execution in page["executions"]]
            self.assertEqual((len(listed), len(set(listed))), (count, count), of)

    def test_a_deployment_shifts_an_alias_and_removes_the_old_version(self):
        arn, (first, second) = self.versions("deployed", 2)
        alias = self.alias("live", (first, 100))
        self.refused("ConflictException", self.sfn.delete_state_machine_version, stateMachineVersionArn=first)
        for weights in [(50, 50), (0, 100)]:
            routing = [{"stateMachineVersionArn": version, "weight": weight} for version, weight in zip((first, second), weights)]
            self.sfn.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=routing)
            described = self.sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
            self.assertEqual(described["routingConfiguration"], routing)
        self.sfn.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=[{"stateMachineVersionArn": second, "weight": 100}])
        self.sfn.delete_state_machine_version(stateMachineVersionArn=first)
        self.refused("StateMachineDoesNotExist", self.sfn.start_execution, stateMachineArn=first)
        self.assertEqual(self.closed(self.sfn.start_execution(stateMachineArn=alias)["executionArn"])["output"], "2")
        listed = self.sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
        self.assertEqual([version["stateMachineVersionArn"] for version in listed], [second])

    def test_lists_give_everything_once_in_pages_of_any_size(self):
        arn, versions = self.versions("listed", 7)
        aliases = [self.alias(f"alias-{number}", (versions[number % 2], 100)) for number in range(7)]
        for size in (1, 3, 7, 100):
            found = self.pages(self.sfn.list_state_machine_versions, "stateMachineVersions", size, stateMachineArn=arn)
            self.assertEqual([version["stateMachineVersionArn"] for version in found], versions[::-1])
            found = self.pages(self.sfn.list_state_machine_aliases, "stateMachineAliases", size, stateMachineArn=arn)
            self.assertEqual([alias["stateMachineAliasArn"] for alias in found], aliases)
            of_second = self.pages(self.sfn.list_state_machine_aliases, "stateMachineAliases", size, stateMachineArn=versions[1])
            self.assertEqual([alias["stateMachineAliasArn"] for alias in of_second], aliases[1::2])

    def test_a_page_token_survives_a_restart_and_is_good_for_its_list_only(self):
        arn, _ = self.versions("paged", 3)
        other, _ = self.versions("paged-too", 2)
        token = self.sfn.list_state_machine_versions(stateMachineArn=arn, maxResults=1)["nextToken"]
        self.server.stop(signal.SIGKILL)
        self.server.start()
        page = self.sfn.list_state_machine_versions(stateMachineArn=arn, maxResults=1, nextToken=token)
        self.assertEqual([version["stateMachineVersionArn"] for version in page["stateMachineVersions"]], [f"{arn}:2"])
        for call, parameters in [
            (self.sfn.list_state_machine_versions, {"stateMachineArn": other}),
            (self.sfn.list_state_machine_aliases, {"stateMachineArn": arn}),
            (self.sfn.list_state_machines, {}),
        ]:
            self.refused("InvalidToken", call, nextToken=token, **parameters)

    def test_a_child_is_started_by_an_alias(self):
        _, (first, second) = self.versions("child", 2)
        alias = self.alias("live", (first, 100))
        calls = {
            "arn:aws:states:::states:startExecution.sync:2": lambda result: result["Output"],
            "arn:aws:states:::aws-sdk:sfn:describeStateMachine": lambda result: result["StateMachineArn"],
        }
        found = []
        for number, (resource, read) in enumerate(calls.items()):
            definition = machine(Call={"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": alias}, "End": True})
            parent = self.create(f"parent-{number}", definition)
            described = self.closed(self.sfn.start_execution(stateMachineArn=parent)["executionArn"])
            self.assertEqual(described["status"], "SUCCEEDED", described)
            found.append(read(json.loads(described["output"])))
        self.assertEqual(found, [1, first])

    def test_an_express_state_machine_is_started_by_its_versions_and_aliases(self):
        created = self.sfn.create_state_machine(name="quick", definition=PASS, roleArn=ROLE, type="EXPRESS", publish=True)
        alias = self.alias("live", (created["stateMachineVersionArn"], 100))
        for arn in (created["stateMachineVersionArn"], alias):
            answer = self.sfn.start_sync_execution(stateMachineArn=arn)
            self.assertEqual((answer["status"], answer["stateMachineArn"]), ("SUCCEEDED", created["stateMachineArn"]))

    def test_a_custom_waiter_waits_for_the_end(self):
        accept = {"matcher": "path", "argument": "status", "expected": "ABORTED", "state": "success"}
        waiter = {"operation": "DescribeExecution", "delay": 1, "maxAttempts": 60, "acceptors": [accept]}
        ended = create_waiter_with_client("ended", WaiterModel({"version": 2, "waiters": {"ended": waiter}}), self.sfn)
        arn = self.create("awaited", WAIT)
        execution = self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        self.sfn.stop_execution(executionArn=execution)
        ended.wait(executionArn=execution)
        self.assertEqual(self.sfn.describe_execution(executionArn=execution)["status"], "ABORTED")


class CommandLineTest(test_sdk.ServerTest):
    """The AWS CLI pages by itself, and goes on from a token of its own."""

    def aws(self, *arguments):
        exports = subprocess.check_output([test_sdk.BINARY, "env", "--endpoint", self.server.endpoint], text=True)
        command = " ".join(["aws", "stepfunctions", "--output", "json", *arguments])
        return json.loads(subprocess.check_output(["sh", "-c", exports + command], text=True))

    def test_lists_are_paged(self):
        arn = self.create("paged", PASS)
        names = [f"run-{number}" for number in range(7)]
        for name in names:
            self.closed(self.sfn.start_execution(stateMachineArn=arn, name=name)["executionArn"])
        of = ["list-executions", "--state-machine-arn", arn, "--page-size", "2"]
        whole = [execution["name"] for execution in self.aws(*of)["executions"]]
        self.assertEqual(sorted(whole), names)
        first = self.aws(*of, "--max-items", "3")
        rest = self.aws(*of, "--starting-token", first["NextToken"])
        self.assertEqual([execution["name"] for execution in first["executions"] + rest["executions"]], whole)
        history = self.aws("get-execution-history", "--execution-arn", first["executions"][0]["executionArn"], "--page-size", "1")
        self.assertEqual([event["id"] for event in history["events"]], [1, 2, 3, 4])


class TerraformTest(test_sdk.ServerTest):
    """What `aws_sfn_state_machine` and `aws_sfn_alias` of the Terraform provider do, call by call."""

    SENT = {
        "definition": json.dumps(json.loads(passing({"sent": [1.0, "ü"]})), indent=2),
        "roleArn": ROLE,
        "type": "EXPRESS",
        "loggingConfiguration": {
            "level": "ERROR",
            "includeExecutionData": True,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:a:*"}}],
        },
        "tracingConfiguration": {"enabled": True},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    TAGS = [{"key": "team", "value": "a"}, {"key": "stage", "value": ""}]

    def read(self, arn):
        """A refresh."""
        described = self.sfn.describe_state_machine(stateMachineArn=arn)
        self.sfn.list_state_machine_versions(stateMachineArn=arn, maxResults=1)
        self.sfn.list_state_machine_aliases(stateMachineArn=arn)
        tags = self.sfn.list_tags_for_resource(resourceArn=arn)["tags"]
        return {member: described.get(member) for member in self.SENT}, tags, described

    def test_nothing_differs_between_what_was_sent_and_what_is_described(self):
        sent = dict(self.SENT)
        created = self.sfn.create_state_machine(name="applied", publish=True, versionDescription="one", tags=self.TAGS, **sent)
        arn = created["stateMachineArn"]
        self.assertEqual(self.read(arn)[:2], (sent, self.TAGS))
        version = self.sfn.describe_state_machine(stateMachineArn=created["stateMachineVersionArn"])
        self.assertEqual(({member: version.get(member) for member in sent}, version["description"]), (sent, "one"))

        sent.update(definition=passing(2), loggingConfiguration={"level": "OFF", "includeExecutionData": False}, tracingConfiguration={"enabled": False})
        changes = {member: value for member, value in sent.items() if member != "type"}
        updated = self.sfn.update_state_machine(stateMachineArn=arn, publish=True, versionDescription="two", **changes)
        found, tags, described = self.read(arn)
        self.assertEqual((found, tags), (sent, self.TAGS))
        self.assertEqual((described["revisionId"], updated["stateMachineVersionArn"]), (updated["revisionId"], f"{arn}:2"))
        self.sfn.untag_resource(resourceArn=arn, tagKeys=["stage"])
        self.sfn.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": "b"}])
        self.assertEqual(self.read(arn)[1], [{"key": "team", "value": "b"}])

        routing = [{"stateMachineVersionArn": f"{arn}:2", "weight": 70}, {"stateMachineVersionArn": f"{arn}:1", "weight": 30}]
        alias = self.sfn.create_state_machine_alias(name="live", description="d", routingConfiguration=routing)["stateMachineAliasArn"]
        described = self.sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
        self.assertEqual((described["routingConfiguration"], described["description"], described["name"]), (routing, "d", "live"))

        self.sfn.delete_state_machine_alias(stateMachineAliasArn=alias)
        self.sfn.delete_state_machine(stateMachineArn=arn)
        while True:
            try:
                self.assertEqual(self.sfn.describe_state_machine(stateMachineArn=arn)["status"], "DELETING")
            except self.sfn.exceptions.StateMachineDoesNotExist:
                break


if __name__ == "__main__":
    unittest.main(verbosity=1)
