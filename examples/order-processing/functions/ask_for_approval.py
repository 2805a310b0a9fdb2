"""Asks for the approval of a large order. A program decides here; with a person, the token goes out in a message."""
import json
import os

from lambda_runtime import serve
from step_functions import call

APPROVED_CENTS_MAX = int(os.environ["APPROVED_CENTS_MAX"])


def ask_for_approval(request):
    token, order, cents = request["task_token"], request["order"], request["total_cents"]
    if cents <= APPROVED_CENTS_MAX:
        answer = {"approved_by": "the rule for regular orders", "cents": cents}
        call("SendTaskSuccess", taskToken=token, output=json.dumps(answer))
    else:
        call("SendTaskFailure", taskToken=token, error="ApprovalRefused", cause=f"{order} is too large: {cents} cents")


serve(ask_for_approval)
