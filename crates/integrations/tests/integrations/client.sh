#!/bin/sh
# A function for the tests, with curl alone: answers with its event.
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT
while event=$(curl -sS -D "$headers" "$api/invocation/next"); do
    request_id=$(tr -d '\r' <"$headers" | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //p')
    curl -sS -o "$headers" -d "{\"event\":$event}" "$api/invocation/$request_id/response"
done
