#!/usr/bin/env python3
"""Every operation's request and answer against bytes that a stock AWS SDK wrote and read.

    wire_vectors.py PROGRAM            test: the recorded vectors against the codecs (PROGRAM is wire-echo)
    wire_vectors.py PROGRAM --record   author: make the vectors anew with botocore, with random values for every member

A request vector holds what botocore serialises for an input. An answer vector holds what our encoder writes for an output;
it is recorded only when botocore parses it back to that output, so later runs compare bytes.
"""
import argparse
import base64
import json
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

VECTORS = Path(__file__).parent / "vectors"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DEPTH_MAX = 5


class Echo:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        encoding="utf-8")

    def ask(self, command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"wire-echo died on {json.dumps(command)[:400]}")
        return json.loads(answer)


# ---- Testing ----

def check(echo, vector):
    if "request" in vector:
        answer = echo.ask(vector["request"])
        return answer == {"operation": vector["operation"], "input": vector["input"]}, answer
    answer = echo.ask({key: vector[key] for key in ("service", "operation", "output")})
    return answer == vector["answer"], answer


def test(echo):
    failed = count = 0
    for path in sorted(VECTORS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            vector = json.loads(line)
            ok, got = check(echo, vector)
            count += 1
            if not ok:
                failed += 1
                print(f"# {path.stem} {vector['operation']}: got {json.dumps(got)[:600]}")
    print(f"{'not ok' if failed or not count else 'ok'} 1 - {count} vectors, {failed} failed\n1..1")
    return 1 if failed or not count else 0


# ---- Recording (needs botocore) ----

class Maker:
    """Random values in the plain form of wire-echo, and as botocore wants them."""

    def __init__(self, seed, answer, whole_seconds):
        self.random = random.Random(seed)
        self.answer = answer
        self.milliseconds = 1000 if whole_seconds or not answer else 1

    def value(self, shape, depth=0):
        if shape.type_name == "structure":
            if getattr(shape, "is_document_type", False):
                return {"a": [1, "b", None], "c": {"d": True}}
            return self.structure(shape, depth)
        if shape.type_name == "list":
            count = self.random.choice((0, 1, 2)) if depth < DEPTH_MAX else 0
            return [self.value(shape.member, depth + 1) for _ in range(count)]
        if shape.type_name == "map":
            count = self.random.choice((0, 1, 2)) if depth < DEPTH_MAX else 0
            return {f"key {n}&<": self.value(shape.value, depth + 1) for n in range(count)}
        return self.scalar(shape)

    def structure(self, shape, depth):
        members = {}
        if getattr(shape, "is_tagged_union", False):
            name = self.random.choice(list(shape.members))
            return {name: self.value(shape.members[name], depth + 1)}
        for name, member in shape.members.items():
            must = member.serialization.get("location") == "uri" or member.metadata.get("idempotencyToken")
            if must or (depth < DEPTH_MAX and self.random.random() < (0.85 if depth < 2 else 0.5)):
                members[name] = self.value(member, depth + 1)
        return members

    def scalar(self, shape):
        kind = shape.type_name
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind in ("integer", "long"):
            return self.random.randint(-5, 70000 if kind == "integer" else 1 << 40)
        if kind in ("float", "double"):
            return self.random.choice((0.5, -1.25, 1e21, 3.1))
        if kind == "timestamp":
            return self.random.randint(10**12, 17 * 10**11) // self.milliseconds * self.milliseconds
        if kind == "blob":
            return base64.b64encode(self.random.randbytes(self.random.randint(1, 5))).decode()
        if shape.enum:
            return self.random.choice(shape.enum)
        return self.random.choice(("plain", "a b+c/d=e&f%g", "<x y=\"1\">'&amp;", "žluť 漢字 🙂", "line\ntwo\ttab", "arn:aws:iam::1:user/a"))


def is_document(shape):
    return getattr(shape, "is_document_type", False)


def to_botocore(shape, value):
    if shape.type_name == "structure" and not is_document(shape):
        return {name: to_botocore(shape.members[name], item) for name, item in value.items()}
    if shape.type_name == "list":
        return [to_botocore(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: to_botocore(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return EPOCH + timedelta(milliseconds=value)
    if shape.type_name == "blob":
        return base64.b64decode(value)
    return value


def prune(shape, value, protocol):
    """What the protocol cannot carry: botocore leaves empty lists out of ec2 requests, and empty maps out of queries."""
    if shape.type_name == "structure" and not is_document(shape):
        items = {name: prune(shape.members[name], item, protocol) for name, item in value.items()}
        return {name: item for name, item in items.items() if not lost(shape.members[name], item, protocol)}
    if shape.type_name == "list":
        items = [prune(shape.member, item, protocol) for item in value]
        return [item for item in items if not lost(shape.member, item, protocol)]
    if shape.type_name == "map":
        return {key: prune(shape.value, item, protocol) for key, item in value.items()}
    return value


def lost(shape, value, protocol):
    if protocol not in ("query", "ec2") or value:
        return shape.serialization.get("location") == "querystring" and value == []
    return (shape.type_name in ("structure", "map") or (shape.type_name == "list" and protocol == "ec2"))


def request_vector(model, serializer, op, maker):
    from botocore.awsrequest import AWSRequest, prepare_request_dict
    from urllib.parse import urlsplit
    protocol = model.metadata["protocol"]
    value = {}
    if op.input_shape:
        value = prune(op.input_shape, maker.value(op.input_shape), protocol)
    raw = serializer.serialize_to_request(to_botocore(op.input_shape, value) if op.input_shape else {}, op)
    prepare_request_dict(raw, endpoint_url="http://localhost")
    sent = AWSRequest(method=raw["method"], url=raw["url"], data=raw["body"], headers=raw["headers"]).prepare()
    url = urlsplit(sent.url)
    body = sent.body or ""
    return {"operation": op.name, "input": value, "request": {
        "method": sent.method, "path": url.path, "query": url.query, "body": body if isinstance(body, str) else body.decode(),
        "headers": sorted([name, text if isinstance(text, str) else text.decode()] for name, text in sent.headers.items()
                          if name.lower() in ("x-amz-target", "content-type") or name.lower().startswith("x-amz-sso")),
        "scope": model.signing_name}}


def plain(shape, value):
    if shape.type_name == "structure" and not is_document(shape):
        return {name: plain(shape.members[name], item) for name, item in value.items() if name in shape.members}
    if shape.type_name == "list":
        return [plain(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: plain(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return round((value - EPOCH).total_seconds() * 1000)
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return value


def answer_vector(service, model, parser, op, maker, echo):
    value = maker.value(op.output_shape) if op.output_shape else {}
    command = {"service": service, "operation": op.name, "output": value}
    answer = echo.ask(command)
    headers = dict(line.split(": ", 1) for line in answer["headers"].splitlines())
    parsed = parser.parse({"headers": headers, "status_code": answer["status"], "body": answer["body"].encode()},
                          op.output_shape)
    parsed.pop("ResponseMetadata")
    got = plain(op.output_shape, parsed) if op.output_shape else {}
    if got != value:
        print(f"# {service} {op.name}: botocore reads\n#   {json.dumps(got)}\n# for\n#   {json.dumps(value)}\n# from\n#   {answer['body']}")
        return None
    return command | {"answer": answer}


def record(echo, only):
    import botocore.model
    import botocore.parsers
    import botocore.serialize
    from botocore.loaders import Loader
    VECTORS.mkdir(exist_ok=True)
    failed = 0
    for path in sorted((Path(__file__).parents[2] / "models").glob("*.json")):
        service = path.stem
        facts = json.loads(path.read_text(encoding="utf-8"))
        if only and service not in only:
            continue
        model = botocore.model.ServiceModel(Loader().load_service_model(service, "service-2"), service)
        protocol = model.metadata["protocol"]
        serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
        parser = botocore.parsers.create_parser(protocol)
        lines = []
        for name in facts["operations"]:
            op = model.operation_model(name)
            makers = [Maker(f"{service}.{name}.{answer}", answer, facts["service"].get("whole_seconds")) for answer in (False, True)]
            vector = request_vector(model, serializer, op, makers[0])
            ok, got = check(echo, vector)
            if not ok:
                failed += 1
                print(f"# {service} {name}: got\n#   {json.dumps(got)}\n# for\n#   {json.dumps(vector)}")
            lines.append(vector)
            answer = answer_vector(service, model, parser, op, makers[1], echo)
            failed += answer is None
            lines += [answer] if answer else []
        text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
        (VECTORS / f"{service}.jsonl").write_text(text, encoding="utf-8")
        print(f"{service}: {len(lines)} vectors")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("services", nargs="*")
    args = parser.parse_intermixed_args()
    echo = Echo(args.program)
    sys.exit(record(echo, args.services) if args.record else test(echo))


if __name__ == "__main__":
    main()
