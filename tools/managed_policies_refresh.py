#!/usr/bin/env python3
"""Refreshes models/managed-policies.bin: the AWS-managed policies, from an installed moto, packed for src/aws/managed.c.

    python3 -m pip install --upgrade moto
    python3 tools/managed_policies_refresh.py        # needs the zstd program

The packing (all integers little-endian, 32 bits unless said):
    "BWMANAG1", policy count, block count, string bytes, policies a block
    a row a block:  offset from the first block, packed bytes, unpacked bytes
    a row a policy, sorted by name: offset of its strings (name, path and id in a run), offset and length of the document
        in its unpacked block, creation and update time in seconds, version (16 bits), name and path lengths (8 bits each)
    the strings, then the blocks (zstd)
"""
import base64
import hashlib
import json
import struct
import subprocess
import sys
from datetime import datetime

from models.files import MODELS

POLICIES_PER_BLOCK = 8
STATEMENT_ORDER = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")


def read_moto():
    try:
        from moto.iam.aws_managed_policies import aws_managed_policies_data
    except ImportError:
        sys.exit("managed_policies_refresh: moto is not installed (python3 -m pip install --upgrade moto)")
    return json.loads(aws_managed_policies_data)


def ordered(members, order):
    known = [key for key in order if key in members]
    return {key: members[key] for key in [*known, *(key for key in members if key not in known)]}


def document_text(document):
    """Compact, in the order that AWS's guides write policies in."""
    statements = document["Statement"]
    statements = [statements] if isinstance(statements, dict) else statements
    document = document | {"Statement": [ordered(statement, STATEMENT_ORDER) for statement in statements]}
    return json.dumps(ordered(document, ("Version", "Id", "Statement")), separators=(",", ":")).encode()


def policy_id(name):
    """No source has AWS's own ids, so each policy gets a constant one of their form."""
    digest = hashlib.sha256(b"aws-managed-policy:" + name.encode()).digest()
    return "ANPA" + base64.b32encode(digest).decode()[:17]


def seconds(date):
    return int(datetime.fromisoformat(date).timestamp())


def compress(block):
    return subprocess.run(["zstd", "-19", "--single-thread", "--no-check", "-c"], input=block, check=True,
                          capture_output=True).stdout


def pack(policies):
    names = sorted(policies, key=str.encode)
    rows, strings, blocks = [], b"", []
    for start in range(0, len(names), POLICIES_PER_BLOCK):
        block = b""
        for name in names[start:start + POLICIES_PER_BLOCK]:
            policy = policies[name]
            text = document_text(policy["Document"])
            rows.append(struct.pack("<5IHBB", len(strings), len(block), len(text), seconds(policy["CreateDate"]),
                                    seconds(policy["UpdateDate"]), int(policy["DefaultVersionId"][1:]), len(name),
                                    len(policy["Path"])))
            strings += (name + policy["Path"] + policy_id(name)).encode()
            block += text
        blocks.append((compress(block), len(block)))
    head = b"BWMANAG1" + struct.pack("<4I", len(names), len(blocks), len(strings), POLICIES_PER_BLOCK)
    table, offset = b"", 0
    for packed, size in blocks:
        table += struct.pack("<3I", offset, len(packed), size)
        offset += len(packed)
    return head + table + b"".join(rows) + strings + b"".join(packed for packed, _ in blocks)


def main():
    policies = read_moto()
    data = pack(policies)
    (MODELS / "managed-policies.bin").write_bytes(data)
    print(f"{len(policies)} policies, {len(data)} bytes")


if __name__ == "__main__":
    main()
