"""A function for the tests: does what its event says. START says how it starts."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"
kept = []


def post(path, body):
    """Posts; an answer of the API that refuses it is given back, not raised."""
    try:
        return urllib.request.urlopen(urllib.request.Request(f"{API}/{path}", data=body)).status
    except urllib.error.HTTPError as error:
        return error.code


def gate():
    """Connects to the test."""
    connection = socket.create_connection(("127.0.0.1", int(os.environ["GATE"])))
    connection.sendall(f"{os.getpid()}\n".encode())
    return connection


def fail(request_id, document):
    post(f"invocation/{request_id}/error", json.dumps(document).encode())


def do(event, request_id, headers):
    """The response as bytes; None if it was posted already."""
    action = event.get("do")
    if action == "fail":
        return fail(request_id, {"errorMessage": "no money", "errorType": "PaymentDeclined", "stackTrace": []})
    if action == "fail_untyped":
        return fail(request_id, {"errorMessage": "something"})
    if action == "exit":
        os._exit(event["code"])
    if action == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "hang":
        child = gate()
        subprocess.Popen(["sleep", "1000"], pass_fds=[child.fileno()])
        signal.pause()
    if action == "text":
        return b"not json"
    if action == "huge":
        return b'"' + b"x" * 6_291_556 + b'"'
    if action == "print":
        print("to stdout")
        print("to stderr", file=sys.stderr)
    if action == "print half a line":
        print("half a line", end="")
    if action == "wait":
        connection = gate()
        connection.recv(1)
        return json.dumps(os.getpid()).encode()
    if action == "allocate":
        kept.append(bytearray(b"x" * (event["megabytes"] << 20)))
        signal.pause()
    if action == "allocate_in_child":
        code = f"import signal; kept = b'x' * ({event['megabytes']} << 20); signal.pause()"
        start = threading.Thread(target=lambda: subprocess.run([sys.executable, "-c", code]))
        start.start()
        start.join()
    if action == "connect":
        kept.append(gate())
    if action == "pid":
        return json.dumps(os.getpid()).encode()
    if action == "headers":
        return json.dumps({name: value for name, value in headers.items() if name.startswith("Lambda-")}).encode()
    if action == "environment":
        return json.dumps({name: os.environ.get(name) for name in event["names"]}).encode()
    if action == "misuse":
        answers = [post("invocation/wrong/response", b"1"), post("init/error", b"{}"), post("nothing", b"")]
        return json.dumps(answers).encode()
    if action == "leave":
        post(f"invocation/{request_id}/response", b"null")
        os._exit(0)
    return json.dumps(event).encode()


def main():
    start = os.environ.get("START")
    if start == "fail":
        post("init/error", json.dumps({"errorMessage": "no module", "errorType": "Runtime.ImportModuleError"}).encode())
        sys.exit(1)
    if start == "exit":
        sys.exit(3)
    if start == "hang":
        signal.pause()
    while True:
        with urllib.request.urlopen(f"{API}/invocation/next") as response:
            request_id = response.headers["Lambda-Runtime-Aws-Request-Id"]
            headers = dict(response.headers)
            event = json.load(response)
        body = do(event if isinstance(event, dict) else {}, request_id, headers)
        if body is not None:
            post(f"invocation/{request_id}/response", body)


main()
