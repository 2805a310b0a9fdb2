"""A Lambda runtime client: asks for invocations and answers them, in plain Python.

awslambdaric does the same and more; this one shows how little it takes.
"""
import json
import os
import traceback
import urllib.request


def serve(function):
    """Answers each invocation with function(input), for ever. An exception's class is the name of the failure."""
    while True:
        with urllib.request.urlopen(_url("next")) as invocation:
            request_id = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
            given = json.load(invocation)
        try:
            _post(f"{request_id}/response", function(given))
        except Exception as error:
            document = {
                "errorMessage": str(error),
                "errorType": type(error).__name__,
                "stackTrace": traceback.format_tb(error.__traceback__),
            }
            _post(f"{request_id}/error", document)


def _url(path):
    return f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/{path}"


def _post(path, answer):
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(_url(path), body)).close()
