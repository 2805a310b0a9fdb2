"""Writes the index and tells Step Functions that it is published."""
import json
import os
import pathlib

from lambda_runtime import serve
from step_functions import call

DATA_DIR = pathlib.Path(os.environ["DATA_DIR"])


def publish_index(request):
    index = DATA_DIR / "index.json"
    content = {"report": request["report"], "documents": request["documents"]}
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    index.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    published = {"index": str(index), "entries": len(content["documents"])}
    call("SendTaskSuccess", taskToken=request["task_token"], output=json.dumps(published))


serve(publish_index)
