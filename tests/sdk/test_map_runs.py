"""Map Runs, through the real AWS SDK (boto3).

    python3 tests/sdk/test_map_runs.py PATH_TO_STEPWELL
"""

import json
import unittest

import test_sdk
from test_sdk import machine


def distributed(more, execution_type="STANDARD", **states):
    """A distributed Map."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": execution_type}
    processor = {**json.loads(machine(**states)), "ProcessorConfig": config}
    return {"Type": "Map", "ItemProcessor": processor, **more}


class MapRunsTest(test_sdk.ServerTest):
    def test_map_runs_are_listed_described_and_updated(self):
        activity = self.sfn.create_activity(name="mapped")["activityArn"]
        arn = self.create("mapped", machine(
            First=distributed({"MaxConcurrency": 1, "Next": "Second"}, Work={"Type": "Task", "Resource": activity, "End": True}),
            Second=distributed({"End": True}, Hello={"Type": "Pass", "End": True}),
        ))
        execution = self.sfn.start_execution(stateMachineArn=arn, input='["a", "b", "c"]')["executionArn"]
        tokens = {}

        def take():
            task = self.sfn.get_activity_task(activityArn=activity)
            tokens[task["input"]] = task["taskToken"]

        take()
        [listed] = self.sfn.list_map_runs(executionArn=execution)["mapRuns"]
        first = listed["mapRunArn"]
        self.assertEqual((listed["executionArn"], listed["stateMachineArn"].split("/")[0]), (execution, arn))
        self.assertNotIn("stopDate", listed)
        described = self.sfn.describe_map_run(mapRunArn=first)
        self.assertEqual((described["status"], described["maxConcurrency"]), ("RUNNING", 1))
        self.assertEqual((described["itemCounts"]["total"], described["executionCounts"]["running"]), (3, 1))

        # The other two children begin while the first is at work, and one of the three may fail.
        self.sfn.update_map_run(mapRunArn=first, maxConcurrency=3, toleratedFailureCount=1)
        take()
        take()
        described = self.sfn.describe_map_run(mapRunArn=first)
        self.assertEqual((described["maxConcurrency"], described["toleratedFailureCount"]), (3, 1))
        self.assertEqual(described["executionCounts"]["running"], 3)
        self.sfn.send_task_failure(taskToken=tokens['"b"'], error="Broken")
        for item in ('"a"', '"c"'):
            self.sfn.send_task_success(taskToken=tokens[item], output=item)
        self.assertEqual(self.closed(execution)["status"], "SUCCEEDED")

        described = self.sfn.describe_map_run(mapRunArn=first)
        counts = described["executionCounts"]
        self.assertEqual((described["status"], counts["succeeded"], counts["failed"]), ("SUCCEEDED", 2, 1))
        self.refused("ValidationException", self.sfn.update_map_run, mapRunArn=first, maxConcurrency=1)
        pages = self.sfn.get_paginator("list_map_runs").paginate(executionArn=execution, PaginationConfig={"PageSize": 1})
        sizes = [[run["mapRunArn"] for run in page["mapRuns"]] for page in pages]
        [[second], [last]] = [page for page in sizes if page]
        self.assertEqual((last, second != first), (first, True), "the newest first")
        self.check_children(first)

    def test_express_children_are_listed_and_described(self):
        is_two = {"Variable": "$", "NumericEquals": 2, "Next": "Fail"}
        arn = self.create("express-children", machine(Map=distributed(
            {"ToleratedFailureCount": 1, "End": True},
            execution_type="EXPRESS",
            Choice={"Type": "Choice", "Choices": [is_two], "Default": "Pass"},
            Fail={"Type": "Fail", "Error": "Two", "Cause": "It is 2."},
            Pass={"Type": "Pass", "Result": "passed", "End": True},
        )))
        execution = self.sfn.start_execution(stateMachineArn=arn, input="[1, 2, 3]")["executionArn"]
        self.assertEqual(self.closed(execution)["status"], "SUCCEEDED")
        [map_run] = self.sfn.list_map_runs(executionArn=execution)["mapRuns"]
        listed = {"mapRunArn": map_run["mapRunArn"]}
        pages = self.sfn.get_paginator("list_executions").paginate(**listed, PaginationConfig={"PageSize": 1})
        children = [child for page in pages for child in page["executions"]]
        self.assertEqual(sorted(child["status"] for child in children), ["FAILED", "SUCCEEDED", "SUCCEEDED"])
        for child in children:
            described = self.sfn.describe_execution(executionArn=child["executionArn"])
            for field in ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate", "mapRunArn"):
                self.assertEqual(child[field], described[field], field)
            self.assertEqual((child["itemCount"], ":express:" in child["executionArn"]), (1, True))
            if child["status"] == "SUCCEEDED":
                self.assertEqual((described["output"], described["redriveStatus"]), ('"passed"', "NOT_REDRIVABLE"))
            for refuses in (self.sfn.get_execution_history, self.sfn.describe_state_machine_for_execution):
                self.refused("InvalidArn", refuses, executionArn=child["executionArn"])
        [failed] = self.sfn.list_executions(**listed, statusFilter="FAILED")["executions"]
        described = self.sfn.describe_execution(executionArn=failed["executionArn"])
        self.assertEqual((described["error"], described["cause"], described["input"]), ("Two", "It is 2.", "2"))
        self.assertEqual(described["redriveStatus"], "REDRIVABLE_BY_MAP_RUN")
        for none in ({"statusFilter": "RUNNING"}, {"statusFilter": "PENDING_REDRIVE"}, {"redriveFilter": "REDRIVEN"}):
            self.assertEqual(self.sfn.list_executions(**listed, **none)["executions"], [])

    def check_children(self, map_run):
        pages = self.sfn.get_paginator("list_executions").paginate(mapRunArn=map_run, PaginationConfig={"PageSize": 2})
        children = [child for page in pages for child in page["executions"]]
        self.assertEqual(sorted(child["status"] for child in children), ["FAILED", "SUCCEEDED", "SUCCEEDED"])
        self.assertEqual({child["mapRunArn"] for child in children}, {map_run})
        [failed] = self.sfn.list_executions(mapRunArn=map_run, statusFilter="FAILED")["executions"]
        described = self.sfn.describe_execution(executionArn=failed["executionArn"])
        self.assertEqual((described["mapRunArn"], described["error"], described["input"]), (map_run, "Broken", '"b"'))


if __name__ == "__main__":
    unittest.main(verbosity=1)
