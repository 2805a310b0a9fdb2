#!/usr/bin/env python3
"""Replay recorded AWS Step Functions conversations against an endpoint and compare with what AWS answered.

  sfn_conformance.py --endpoint http://127.0.0.1:8083 cases/open [cases/heldout ...]

Needs python >= 3.10 and boto3 >= 1.42.59. Exit status 0 only if every case passes. See --help.
"""
import argparse
import collections
import concurrent.futures
import copy
import datetime
import json
import os
import re
import sys
import threading
import time
import uuid

import boto3
import botocore
from botocore.config import Config

# ------------------------------------------------------------------ normalisation (see README.md, "comparison rules")

UUID_RE = re.compile(r"[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}")
ISO_SRC = (
    r"(?:[1-9]\d{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"|(?:[1-9]\d(?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)-02-29)"
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-][01]\d:?([0-5]\d)?)"
)
ISO_RE = re.compile(ISO_SRC)


def jp(path, to):
    return {"t": "jsonpath", "path": path, "to": to, "ref": False}


BASE = [
    {"t": "regex", "re": "{{account}}", "to": "111111111111", "prio": 2},
    {"t": "regex", "re": "{{region}}", "to": "<region>", "prio": 2},
    {"t": "regex", "re": "arn:aws:", "to": "arn:<partition>:", "prio": 2},
    {"t": "remove_key", "key": "x-localstack"},
    {"t": "response_metadata", "prio": 2},
    {"t": "kv", "fn": "uuid", "to": "uuid", "ref": True, "prio": 2},
    {"t": "regex", "re": ISO_SRC, "to": "date", "prio": 2},
    {"t": "kv", "fn": "datetime", "to": "datetime", "ref": False, "prio": 2},
    {"t": "kv", "fn": "timestamp", "to": "timestamp", "ref": False, "prio": 2},
    jp("$..SdkHttpMetadata..Date", "date"),
    jp("$..SdkResponseMetadata..RequestId", "RequestId"),
    jp("$..X-Amzn-Trace-Id", "X-Amzn-Trace-Id"),
    jp("$..x-amz-crc32", "x-amz-crc32"),
    jp("$..x-amzn-RequestId", "x-amzn-RequestId"),
    jp("$..x-amzn-requestid", "x-amzn-requestid"),
    {"t": "kv", "fn": "cause_json", "to": "json-input", "ref": True},
]

_SEG = re.compile(r"\.\.|\.|\[(\d+)\]|\[\*\]|\['([^']*)'\]|([^.\[\]]+)")


def jsonpath(path):
    """-> list of (descend, selector); selector is a key, an int, or '*'"""
    out, descend, pos = [], False, 1
    assert path.startswith("$"), path
    while pos < len(path):
        m = _SEG.match(path, pos)
        if not m:
            raise ValueError(f"jsonpath {path!r}")
        tok, pos = m.group(0), m.end()
        if tok == "..":
            descend = True
        elif tok == ".":
            continue
        else:
            if m.group(1) is not None:
                sel = int(m.group(1))
            elif tok == "[*]":
                sel = "*"
            elif m.group(2) is not None:
                sel = m.group(2)
            else:
                sel = m.group(3)
            out.append((descend, sel))
            descend = False
    return out


def jp_find(node, segs):
    """yield (parent, key, value) in the order in which jsonpath_ng finds them (pre-order)"""

    def here(n, sel):
        if sel == "*":
            it = n.items() if isinstance(n, dict) else enumerate(n) if isinstance(n, list) else ()
            return [(n, k, v) for k, v in list(it)]
        if isinstance(sel, int):
            return [(n, sel, n[sel])] if isinstance(n, list) and -len(n) <= sel < len(n) else []
        return [(n, sel, n[sel])] if isinstance(n, dict) and sel in n else []

    def rest(n, i, triple):
        if i == len(segs):
            return [triple]
        descend, sel = segs[i]
        res = []
        for t in here(n, sel):
            res += rest(t[2], i + 1, t)
        if descend:
            it = n.items() if isinstance(n, dict) else enumerate(n) if isinstance(n, list) else ()
            for k, v in list(it):
                res += rest(v, i, (n, k, v))
        return res

    return rest(node, 0, (None, None, node))


def order(o):
    if isinstance(o, dict):
        d = {k: order(v) for k, v in sorted(o.items())}
        if "ResponseMetadata" in d:
            d["ResponseMetadata"] = d.pop("ResponseMetadata")
        return d
    if isinstance(o, list):
        return [order(x) for x in o]
    return o


def parse_strings(d):
    """strings that start with '{' under a dict key become objects (one level, lists of dicts are entered)"""
    for k, v in d.items():
        if isinstance(v, list):
            for x in v:
                if isinstance(x, dict):
                    parse_strings(x)
        elif isinstance(v, dict):
            parse_strings(v)
        elif isinstance(v, str) and v.startswith("{"):
            try:
                d[k] = json.loads(v)
            except ValueError:
                pass


class Ctx:
    def __init__(self):
        self.fns, self.seen, self.count = [], set(), collections.Counter()

    def ref(self, value, to):
        if not isinstance(value, str):
            return
        value = value.replace('"', '\\"')
        if value in self.seen:
            return
        self.seen.add(value)
        self.count[to] += 1
        rep = f"<{to}:{self.count[to]}>"
        self.fns.append(lambda s: s.replace(value, rep))


def kv_uuid(k, v):
    return v if isinstance(v, str) and k.lower().endswith("id") and UUID_RE.match(v) else None


def kv_datetime(k, v):
    return v if isinstance(v, datetime.datetime) else None


def kv_timestamp(k, v):
    if re.match(r"^.*timestamp.*$", k, re.I) or k in ("creationTime", "ingestionTime"):
        if not ISO_RE.match(str(v)):
            return str(v)
    return None


def kv_cause(k, v):
    if k == "cause" and isinstance(v, str):
        m = re.match(r".*'({.*})'", v)
        if m:
            try:
                json.loads(m.group(1))
                return m.group(1)
            except ValueError:
                pass
    return None


ARN_RE = re.compile(r"arn:(aws[a-zA-Z-]*)?:([a-zA-Z0-9-_.]+)?:([^:]+)?:(\d{12})?:(.*)")


def kv_resource_name(k, v):
    m = ARN_RE.match(v) if isinstance(v, str) else None
    if not m or (m.group(5).startswith("<") and m.group(5).endswith(">")):
        return None
    res = m.group(5)
    if "/" in res:
        return res.rsplit("/", 1)[1]
    if res.startswith("function:"):
        return res[9:].split("$")[0].rstrip(":") if "$" in res else res[9:]
    return res.rsplit(":", 1)[-1]


KV = {"resource_name_transformer": kv_resource_name, "uuid": kv_uuid, "datetime": kv_datetime, "timestamp": kv_timestamp, "cause_json": kv_cause}


def apply_kv(d, t, fn, ctx):
    for k, v in d.items():
        hit = fn(k, v)
        if hit is not None:
            if t["ref"]:
                ctx.ref(hit, t["to"])
            elif isinstance(v, str):
                d[k] = v.replace(hit, t["to"])
            else:
                d[k] = t["to"]
        elif isinstance(v, list):
            for i, x in enumerate(v):
                if isinstance(x, dict):
                    v[i] = apply_kv(x, t, fn, ctx)
        elif isinstance(v, dict):
            d[k] = apply_kv(v, t, fn, ctx)
    return d


def response_metadata(d):
    for k, v in d.items():
        if k == "ResponseMetadata" and isinstance(v, dict):
            if not isinstance(v.get("HTTPHeaders"), dict):
                continue
            h = v["HTTPHeaders"]
            new = {"HTTPHeaders": {x: h[x] for x in ("content_type",) if h.get(x)}}
            if v.get("HTTPStatusCode"):
                new["HTTPStatusCode"] = v["HTTPStatusCode"]
            d[k] = new
        elif isinstance(v, dict):
            d[k] = response_metadata(v)
    return d


def remove_key(o, key):
    if isinstance(o, dict):
        return {k: remove_key(v, key) for k, v in o.items() if k != key}
    if isinstance(o, list):
        return [remove_key(x, key) for x in o]
    return o


def parallel(events):
    """order independent history: the events inside a Parallel state lose their ids and are sorted"""
    start, sub, inside = None, [], False
    for i, e in enumerate(events):
        ty = e.get("type")
        if ty is None:
            inside = False
        elif ty in ("ParallelStateSucceeded", "ParallelStateAborted", "ParallelStateExited", "ParallelStateFailed"):
            if start is not None:
                events[start:i] = sorted(sub, key=lambda x: json.dumps(x, default=str, separators=(",", ":")))
            inside = False
        elif ty == "ParallelStateStarted":
            inside, sub, start = True, [], i + 1
        elif inside:
            e["id"], e["previousEventId"] = [0], 0
            sub.append(e)


def output_to_json(d):
    for v in d.values():
        if isinstance(v, dict):
            if isinstance(v.get("output"), str):
                try:
                    v["output"] = json.loads(v["output"])
                    return None
                except ValueError:
                    pass
            output_to_json(v)
        elif isinstance(v, list):
            for x in v:
                if isinstance(x, dict):
                    output_to_json(x)
    return d


def normalise(observed, transformers, resolve):
    """observed: {key: python value}; -> {key: json value} with AWS-snapshot placeholders"""
    tmp = {k: order(v) for k, v in observed.items()}
    parse_strings(tmp)
    ctx = Ctx()
    for t in sorted(transformers, key=lambda t: t.get("prio", 0)):
        k = t["t"]
        if k == "regex":
            rx, to = re.compile(resolve(t["re"])), t["to"]
            ctx.fns.append(lambda s, rx=rx, to=to: rx.sub(to, s))
        elif k == "text":
            ctx.fns.append(lambda s, a=resolve(t["text"]), b=t["to"]: s.replace(a, b))
        elif k == "jsonpath":
            for parent, key, v in jp_find(tmp, jsonpath(t["path"])):
                if t["ref"]:
                    ctx.ref(v, t["to"])
                elif parent is not None:
                    parent[key] = t["to"]
        elif k == "kv":
            fn = (lambda kk, v, key=t["key"]: v if kk == key and v not in (None, "") else None) if t["fn"] == "key" else KV[t["fn"]]
            tmp = apply_kv(tmp, t, fn, ctx)
        elif k == "response_metadata":
            tmp = response_metadata(tmp)
        elif k == "remove_key":
            tmp = {a: remove_key(b, t["key"]) for a, b in tmp.items()}
        elif k == "parallel":
            for _, _, ev in jp_find(tmp, jsonpath("$..events")):
                if isinstance(ev, list):
                    parallel(ev)
        elif k == "output_to_json":
            output_to_json(tmp)
        elif k == "sort_lists_in":
            for _, _, d in jp_find(tmp, jsonpath(t["path"])):
                for v in d.values() if isinstance(d, dict) else ():
                    v.sort()
        else:
            raise ValueError(f"transformer {k}")
    out = {}
    for key, v in tmp.items():
        s = json.dumps(v, default=str)
        for f in ctx.fns:
            s = f(s)
        out[key] = json.loads(s)
    return out


def drop_paths(o, paths):
    o = copy.deepcopy(o)
    for p in paths:
        hits = jp_find(o, jsonpath(p))
        for parent, key, _ in hits:
            if isinstance(parent, dict):
                parent.pop(key, None)
        gone = {}
        for parent, key, _ in hits:
            if isinstance(parent, list):
                gone.setdefault(id(parent), (parent, set()))[1].add(key)
        for parent, keys in gone.values():
            parent[:] = [x for i, x in enumerate(parent) if i not in keys]
    return o


def diff(a, b, path="$"):
    """yield (path, expected, actual)"""
    if type(a) is not type(b):
        yield path, a, b
    elif isinstance(a, dict):
        for k in sorted(set(a) | set(b)):
            if k not in b:
                yield f"{path}.{k}", a[k], MISSING
            elif k not in a:
                yield f"{path}.{k}", MISSING, b[k]
            else:
                yield from diff(a[k], b[k], f"{path}.{k}")
    elif isinstance(a, list):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from diff(x, y, f"{path}[{i}]")
        for i in range(len(b), len(a)):
            yield f"{path}[{i}]", a[i], MISSING
        for i in range(len(a), len(b)):
            yield f"{path}[{i}]", MISSING, b[i]
    elif a != b:
        yield path, a, b


class _Missing:
    def __repr__(self):
        return "(absent)"


MISSING = _Missing()


def text(v):
    return repr(v) if v is MISSING else json.dumps(v, default=str, ensure_ascii=False)


def short(v):
    s = text(v)
    return s if len(s) <= 220 else s[:200] + f"... ({len(s)} chars)"


# ------------------------------------------------------------------ replay


class Unresolved(Exception):
    pass


TERMINAL = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}
TOK = re.compile(r"\{\{(?:(account2?|region)|(role|uid)(\d+)|op(\d+):([^}|]*)(?:\|(\d+))?)\}\}")


class Run:
    def __init__(self, case, client, a):
        self.case, self.c, self.a = case, client, a
        self.resp, self.exc = [], []
        self.uids, self.ids = {}, None
        self.roles = {}
        self.made = []
        self.deadline = time.time() + a.timeout

    def uid(self, n):
        return self.uids.setdefault(n, uuid.uuid4().hex[:8])

    def role(self, n):
        if n not in self.roles:
            self.roles[n] = self.a.role_arn.format(account=self.a.account, n=n, uid=uuid.uuid4().hex[:8])
        return self.roles[n]

    def resolve(self, s):
        def one(m):
            lit, kind, n, op, path, neg = m.groups()
            if lit:
                return {"account": self.a.account, "account2": self.a.account2, "region": self.a.region}[lit]
            if kind:
                return self.role(int(n)) if kind == "role" else self.uid(int(n))
            v = self.get(int(op), path.split("."))
            if not isinstance(v, str):
                raise Unresolved(f"op {op} ({self.case['ops'][int(op)]['op']}) has no {path}")
            if neg:  # the n-th uuid inside the value
                parts = UUID_RE.findall(v)
                if len(parts) <= int(neg):
                    raise Unresolved(f"op {op} {path} has no uuid {neg}")
                v = parts[int(neg)]
            return v

        return TOK.sub(one, s)

    def get(self, op, path):
        v = self.resp[op] if op < len(self.resp) else None
        for p in path:
            if isinstance(v, list) and str(p).isdigit() and int(p) < len(v):
                v = v[int(p)]
            elif isinstance(v, dict) and p in v:
                v = v[p]
            else:
                return MISSING
        return v

    def fill(self, o):
        if isinstance(o, str):
            return self.resolve(o)
        if isinstance(o, dict):
            if set(o) == {"$dt"}:
                return datetime.datetime.fromisoformat(o["$dt"])
            return {k: self.fill(v) for k, v in o.items()}
        if isinstance(o, list):
            return [self.fill(v) for v in o]
        return o

    def call(self, name, params):
        try:
            fn = getattr(self.c, botocore.xform_name(name))
            return fn(**params), None
        except botocore.exceptions.ClientError as e:
            return e.response, e
        except botocore.exceptions.ParamValidationError as e:
            return None, e

    def satisfied(self, u, resp, exc):
        if "error" in u:
            return exc is not None
        if exc is not None or resp is None:
            return True
        if "field" in u:
            v = resp.get(u["field"])
            return v == u["is"] if "is" in u else v != u["not"]
        if "history" in u:
            ev = resp.get("events") or []
            if u["history"] == "terminal":
                return bool(ev) and (ev[0]["type"] in TERMINAL or ev[-1]["type"] in TERMINAL or bool(resp.get("nextToken")))
            return sum(e["type"] == u["type"] for e in ev) >= u["min"]
        if "list" in u:
            return len(resp.get(u["list"]) or []) == u["len"]
        return True

    def run(self):
        for o in self.case["ops"]:
            if o.get("sleep"):
                time.sleep(min(o["sleep"], 15))
            try:
                params = self.fill(o["params"])
            except Unresolved as e:
                self.resp.append(None)
                self.exc.append(e)
                continue
            u = o.get("until")
            wait = 0.02
            while True:
                resp, exc = self.call(o["op"], params)
                if not u or self.satisfied(u, resp, exc) or time.time() > self.deadline:
                    break
                time.sleep(wait)
                wait = min(wait * 1.5, 0.5)
            self.resp.append(resp)
            self.exc.append(exc)
            if exc is None and resp:
                for k in ("stateMachineArn", "activityArn", "executionArn"):
                    if k in resp and o["op"] in ("CreateStateMachine", "CreateActivity", "StartExecution"):
                        self.made.append((o["op"], resp[k]))

    def value(self, e):
        if e is None:
            return None
        if "$const" in e:
            v = e["$const"]
            return self.resolve(v) if isinstance(v, str) else v
        if "$dict" in e:
            return {k: self.value(v) for k, v in e["$dict"].items()}
        if "$list" in e:
            return [self.value(v) for v in e["$list"]]
        if "$exc" in e:
            x = self.exc[e["$exc"]]
            return str(x) if x is not None else "(no exception)"
        if "$exc_type" in e:
            x = self.exc[e["$exc_type"]]
            return type(x).__name__ if x is not None else "(no exception)"
        v = self.get(e["$op"], e.get("$path", []))
        if v is MISSING or v is None:
            return {"(no response)": str(self.exc[e["$op"]])}
        if e.get("$json") and isinstance(v, str):
            try:
                v = json.loads(v)
            except ValueError:
                pass
        return copy.deepcopy(v)

    def observed(self):
        return {m["key"]: self.value(m["value"]) for m in self.case["match"]}

    def cleanup(self):
        for op, arn in reversed(self.made):
            try:
                if op == "StartExecution":
                    if ":express:" not in arn:
                        self.c.stop_execution(executionArn=arn)
                elif op == "CreateActivity":
                    self.c.delete_activity(activityArn=arn)
                else:
                    self.c.delete_state_machine(stateMachineArn=arn)
            except Exception:
                pass


def read_exceptions(path):
    """-> {case id: (region or None, [(path of an answer, the text that stands there instead)])}

    Paragraphs: comments (#), differences (`$.path = JSON`) and the ids of the cases that have all of them, and no
    others. In a path `*` is one name or number, in a JSON text any characters. `region: NAME` instead of differences
    names the Region in which the cases were recorded; they are replayed there, and nothing differs.
    """
    exceptions, region, differences, cases = {}, None, [], []
    for line in open(path).read().splitlines() + [""]:
        if line.startswith("$"):
            where, _, instead = line.partition(" = ")
            differences.append((where, instead))
        elif line.startswith("region: "):
            region = line.removeprefix("region: ")
        elif line.strip() and not line.startswith("#"):
            cases.append(line)
        elif not line.strip():
            if bool(differences or region) != bool(cases):
                sys.exit(f"{path}: a paragraph needs differences and cases: {differences or region or cases}")
            repeated = [case for case in cases if case in exceptions]
            if repeated:
                sys.exit(f"{path}: named twice: {repeated}")
            exceptions.update((case, (region, differences)) for case in cases)
            region, differences, cases = None, [], []
    return exceptions


def wild(pattern, star):
    return re.compile(star.join(re.escape(part) for part in pattern.split("*")), re.S)


def beyond(differences, known):
    """the differences that are not known, and the known ones that are there no more

    >>> known = [("$.a[*].count", "0"), ("$.message", '"Label *"')]
    >>> count, message = ("$.a[3].count", MISSING, 0), ("$.message", "Error", "Label x")
    >>> beyond([count, message], known)
    []
    >>> beyond([count, message, ("$.a[3].other", 1, 2), ("$.a[4].count", 1, 2)], known)
    [('$.a[3].other', 1, 2), ('$.a[4].count', 1, 2)]
    >>> beyond([count], known)
    [('$.message', '(as recorded)', '(known to be "Label *")')]
    """
    known = [(where, instead, wild(where, r"[^.\[\]]+"), wild(instead, ".*")) for where, instead in known]

    def fits(difference, at, value):
        return at.fullmatch(difference[0]) and value.fullmatch(text(difference[2]))

    left = [d for d in differences if not any(fits(d, at, value) for _, _, at, value in known)]
    gone = [(where, "(as recorded)", f"(known to be {instead})")
            for where, instead, at, value in known if not any(fits(d, at, value) for d in differences)]
    return left + gone


def judge(case, a, clients, exceptions):
    t = time.time()
    region, known = exceptions.get(case["id"], (None, []))
    a = argparse.Namespace(**{**vars(a), "region": region or a.region})
    res = {"id": case["id"], "area": case["area"]}
    r = Run(case, clients[a.region], a)
    try:
        r.run()
        tf = (BASE if case.get("base") == "sfn" else []) + case["transformers"]

        def resolve(s):
            try:
                return r.resolve(s)
            except Unresolved:
                return "\\$never-matches\\$"

        got = normalise(r.observed(), tf, resolve)
        want = {k: v for k, v in case["expected"].items() if k in got}
        strict = list(diff(want, got))
        paths = case.get("skip_snapshot_paths") or []
        if case.get("snapshot_unverified") and not paths:
            lenient = []
        elif paths:
            lenient = list(diff(drop_paths(want, paths), drop_paths(got, paths)))
        else:
            lenient = strict
        res["strict"], res["lenient"] = not strict, not lenient
        use = strict if a.strict else lenient
        if known:
            use = beyond(strict, known)
        res["ok"] = not use
        res["diffs"] = [(p, short(x), short(y)) for p, x, y in use[: 50 if a.verbose else 3]]
        res["ndiffs"] = len(use)
        if a.dump:
            res["got"] = got
    except Exception as e:
        res.update(ok=False, strict=False, lenient=False, error=f"{type(e).__name__}: {e}"[:300], diffs=[], ndiffs=0)
    finally:
        if not a.no_cleanup:
            r.cleanup()
    res["seconds"] = round(time.time() - t, 2)
    return res


def load(paths):
    cases = []
    for p in paths:
        files = []
        if os.path.isdir(p):
            for d, _, fs in os.walk(p):
                files += [os.path.join(d, f) for f in fs if f.endswith((".jsonl", ".json"))]
        else:
            files = [p]
        for f in sorted(files):
            with open(f) as h:
                cases += [json.loads(x) for x in h if x.strip()] if f.endswith("l") else [json.load(h)]
    return cases


def client(a, region):
    return boto3.session.Session().client(
        "stepfunctions",
        endpoint_url=a.endpoint,
        region_name=region,
        aws_access_key_id=a.access_key,
        aws_secret_access_key=a.secret_key,
        config=Config(
            inject_host_prefix=False,
            retries={"total_max_attempts": 1},
            max_pool_connections=a.jobs + 2,
            read_timeout=max(70, a.timeout),
            connect_timeout=5,
        ),
    )


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("cases", nargs="+", help="folders or files of case files (.jsonl: one case per line; .json: one case)")
    ap.add_argument("--endpoint", required=True)
    ap.add_argument("--region", default="us-east-1")
    ap.add_argument("--account", default="000000000000")
    ap.add_argument("--account2", default="000000000002")
    ap.add_argument("--access-key", default=os.environ.get("AWS_ACCESS_KEY_ID", "test"))
    ap.add_argument("--secret-key", default=os.environ.get("AWS_SECRET_ACCESS_KEY", "test"))
    ap.add_argument("--role-arn", default="arn:aws:iam::{account}:role/sfn-conformance-{n}-{uid}",
                    help="execution role; {n} numbers the roles of a case, {uid} is random, {account} the account")
    ap.add_argument("--jobs", type=int, default=8)
    ap.add_argument("--timeout", type=float, default=60, help="seconds a case may wait for its executions")
    ap.add_argument("--strict", action="store_true", help="also compare the paths that LocalStack's own suite does not verify")
    ap.add_argument("--filter", help="regular expression on the case id")
    ap.add_argument("--list", help="file with case ids, one a line")
    ap.add_argument("--except", dest="excepted", help="file of known differences, see read_exceptions")
    ap.add_argument("--json", help="write all results to this file")
    ap.add_argument("--dump", action="store_true", help="with --json: include the normalised actual responses")
    ap.add_argument("--verbose", action="store_true", help="print every difference")
    ap.add_argument("--quiet", action="store_true", help="print failures and the summary only")
    ap.add_argument("--no-cleanup", action="store_true")
    a = ap.parse_args()

    cases = load(a.cases)
    total = len(cases)
    cases = [c for c in cases if c.get("mode") == "replay"]
    other = total - len(cases)
    if a.filter:
        cases = [c for c in cases if re.search(a.filter, c["id"])]
    if a.list:
        want = {x.strip() for x in open(a.list)}
        cases = [c for c in cases if c["id"] in want]
    exceptions = read_exceptions(a.excepted) if a.excepted else {}
    if exceptions:
        here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
        unknown = set(exceptions) - {c["id"] for c in load([here]) if c.get("mode") == "replay"}
        if unknown:
            sys.exit(f"no such case: {sorted(unknown)}")
        differing = {case for case, (_, differences) in exceptions.items() if differences}
        print(f"{sum(c['id'] in differing for c in cases)} cases have the differences that {a.excepted} names, and no others")
    regions = {a.region} | {region for region, _ in exceptions.values() if region}
    clients = {region: client(a, region) for region in regions}
    out, lock, t0 = [], threading.Lock(), time.time()

    def work(case):
        res = judge(case, a, clients, exceptions)
        with lock:
            out.append(res)
            if not (res["ok"] and a.quiet):
                tag = "PASS" if res["ok"] else "FAIL"
                note = "" if res["ok"] != True or res["strict"] else "  (strict: differs)"
                print(f"{tag} {res['seconds']:6.2f}s {case['id'].removeprefix('tests/aws/services/stepfunctions/')}{note}")
                if res.get("error"):
                    print(f"       {res['error']}")
                for p, x, y in res["diffs"] if not res["ok"] else []:
                    print(f"       {p}\n         aws: {x}\n         got: {y}")
                    if not a.verbose:
                        break
                sys.stdout.flush()

    # the slow ones first, so that the end is not one long wait
    cases.sort(key=lambda c: -(c.get("localstack", {}).get("seconds") or 0))
    # a case that lists what the account holds needs the account for itself: those come last, one at a time
    alone = [c for c in cases if any(o["op"] in ("ListStateMachines", "ListActivities") for o in c["ops"])]
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as ex:
        list(ex.map(work, [c for c in cases if c not in alone]))
    for c in alone:
        work(c)
    areas = collections.defaultdict(lambda: [0, 0, 0])
    for r in out:
        for k in (r["area"], "TOTAL"):
            areas[k][0] += r["ok"]
            areas[k][1] += not r["ok"]
            areas[k][2] += r["strict"]
    print(f"\n{'area':24} {'passed':>7} {'failed':>7} {'strict':>7}")
    for k in sorted(areas, key=lambda x: (x == "TOTAL", x)):
        p, f, s = areas[k]
        print(f"{k:24} {p:7d} {f:7d} {s:7d}")
    if a.json:
        with open(a.json, "w") as f:
            json.dump(sorted(out, key=lambda r: r["id"]), f, indent=1)
    npass, nfail = areas["TOTAL"][0], areas["TOTAL"][1]
    print(f"{other} cases not for this runner; {time.time() - t0:.1f} s, {a.jobs} jobs, {'strict' if a.strict else 'localstack-verified paths'}")
    print(f"{npass} passed, {nfail} failed")
    sys.exit(0 if nfail == 0 and npass else 1)


if __name__ == "__main__":
    main()
