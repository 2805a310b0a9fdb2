#!/usr/bin/env python3
"""Extracts what the tests need from conformance cases.

    extract.py CASES_FOLDER

`histories.jsonl` has definition, input and recorded history of each execution. A line is {"id", "definition", "type", "input", "placeholders", "history"}. Tokens of the case files (`{{region}}`,
`{{uid0}}` ...) become plain text; `placeholders` are the words that stand in the history for what changes from
recording to recording, beside those in `<...>`. Executions with a distributed Map, and those whose definition was not
recorded or is very large, are left out.

`choices.jsonl` has the comparisons of Choice states that were recorded without a history. A line is
{"comparison": {OPERATOR: OPERAND}, "input", "next"}.
"""
import glob
import json
import os
import re
import sys

DEFINITION_CHARS_MAX = 100_000
TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
PLAIN = {"region": "us-east-1", "account": "111111111111", "account2": "222222222222"}


def text_of(token, ops):
    if token in PLAIN:
        return PLAIN[token]
    if token.startswith("role"):
        return "arn:aws:iam::111111111111:role/" + token
    of_op = re.fullmatch(r"op(\d+):(\w+)", token)
    if not of_op:
        return token
    resource = {"activityArn": "activity", "stateMachineArn": "stateMachine"}.get(of_op[2], of_op[2])
    return f"arn:aws:states:us-east-1:111111111111:{resource}:op{of_op[1]}"


def resolve(text, ops):
    return TOKEN.sub(lambda match: text_of(match[1], ops), text)


def op_of(arn, ops):
    match = re.match(r"\{\{op(\d+):", arn)
    return int(match[1]) if match else None


def find_histories(value, path=()):
    if isinstance(value, dict):
        if isinstance(value.get("events"), list):
            yield path, value["events"]
        for key, inner in value.items():
            yield from find_histories(inner, (*path, key))


def start_of(case, key):
    """The StartExecution and the state machine of a recorded history."""
    ops = case.get("ops", [])
    found = [match["value"] for match in case.get("match", []) if match["key"] == key]
    if not found or "$op" not in found[0]:
        return None
    start = op_of(ops[found[0]["$op"]]["params"]["executionArn"], ops)
    if start is None or ops[start]["op"] != "StartExecution":
        return None
    machine = op_of(ops[start]["params"]["stateMachineArn"], ops)
    if machine is None or ops[machine]["op"] != "CreateStateMachine":
        return None
    return ops[start]["params"], ops[machine]["params"]


def is_left_out(machine, events):
    in_order = isinstance(events[0].get("id"), int) and events[0]["id"] == 1
    distributed = "DISTRIBUTED" in machine["definition"]
    return not in_order or distributed or len(machine["definition"]) > DEFINITION_CHARS_MAX


def event_of(event):
    kept = {}
    for key, value in event.items():
        if key == "timestamp":
            continue
        if isinstance(value, dict):
            value = {name: inner for name, inner in value.items() if not name.endswith("Details")}
        kept[key] = value
    return kept


def executions(case):
    for path, events in find_histories(case["expected"]):
        started = start_of(case, path[0]) if len(path) == 1 else None
        if started is None or is_left_out(started[1], events):
            continue
        start, machine = started
        words = {t["to"] for t in case.get("transformers", []) if "to" in t and not t.get("ref") and "<" not in t["to"]}
        yield {
            "id": case["id"].split("::", 1)[1] + "#" + path[0],
            "definition": resolve(machine["definition"], case["ops"]),
            "type": machine.get("type", "STANDARD"),
            "input": resolve(start.get("input", "{}"), case["ops"]),
            "placeholders": sorted(words | {"date", "datetime", "timestamp"}),
            "history": [event_of(event) for event in events],
        }


def choices(case):
    if case["area"] != "choice_operators" or not case["expected"]:
        return
    starts = [op["params"] for op in case["ops"] if op["op"] == "StartExecution"]
    for start, recorded in zip(starts, case["expected"]["cases"], strict=True):
        machine = case["ops"][op_of(start["stateMachineArn"], case["ops"])]["params"]
        rule = json.loads(machine["definition"])["States"]["CheckValues"]["Choices"][0]
        comparison = {name: operand for name, operand in rule.items() if name not in ("Variable", "Next")}
        yield {"comparison": comparison, "input": start["input"], "next": recorded["output"]["TestResult.$"]}


def main(folder):
    cases = []
    for name in sorted(glob.glob(folder + "/*.jsonl")):
        with open(name, encoding="utf-8") as lines:
            cases += [json.loads(line) for line in lines]
    for name, extract in (("histories", executions), ("choices", choices)):
        path = os.path.join(os.path.dirname(__file__), name + ".jsonl")
        with open(path, "w", encoding="utf-8") as out:
            for case in cases:
                for line in extract(case):
                    out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
