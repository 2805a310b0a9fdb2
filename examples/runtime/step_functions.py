"""Calls Step Functions from a function, in plain Python; boto3 does the same.

Stepwell tells a function where it is (AWS_ENDPOINT_URL_SFN) and gives it a Region and credentials, as Lambda does.
"""
import datetime
import hashlib
import hmac
import json
import os
import urllib.parse
import urllib.request


def call(operation, **members):
    """Calls an operation of the API with the members of its input: call("SendTaskSuccess", taskToken=..., output=...)."""
    body = json.dumps(members).encode()
    endpoint = os.environ["AWS_ENDPOINT_URL_SFN"]
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": urllib.parse.urlsplit(endpoint).netloc,
        "x-amz-date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ"),
        "x-amz-target": f"AWSStepFunctions.{operation}",
    }
    headers["authorization"] = _signature(headers, body)
    with urllib.request.urlopen(urllib.request.Request(endpoint, body, headers)) as answer:
        return json.load(answer)


def _signature(headers, body):
    """Signature Version 4."""
    signed = ";".join(headers)
    lines = [f"{name}:{value}" for name, value in headers.items()]
    request = "\n".join(["POST", "/", "", *lines, "", signed, hashlib.sha256(body).hexdigest()])
    scope = [headers["x-amz-date"][:8], os.environ["AWS_REGION"], "states", "aws4_request"]
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], "/".join(scope), digest])
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in [*scope, text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = "/".join([os.environ["AWS_ACCESS_KEY_ID"], *scope])
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={key.hex()}"
