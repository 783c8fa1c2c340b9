#!/usr/bin/env python3
"""Fails when an include points upwards: a folder of src/ uses folders of lower rank only.

    layers.py [SRC]

The ranks are below. svc/x does not include svc/y; within edge/ and other folders anything goes. Private headers
(*_internal.h) stay within their folder, and gen/ (generated) belongs to aws.
"""
import re
import sys
from pathlib import Path

RANKS = {"base": 0, "crypto": 1, "codec": 1, "net": 2, "store": 2, "policy": 2, "jose": 2, "proc": 3, "aws": 3, "keyer": 4, "helper": 4, "outside": 4, "core": 5,
         "svc": 6, "edge": 6, "guard": 6, "bin": 7}
OWNED = {"gen": "aws"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def folder_of(parts):
    """The unit that a path belongs to: "core", or "svc/iam"."""
    top = OWNED.get(parts[0], parts[0])
    return f"svc/{parts[1]}" if top == "svc" and len(parts) > 2 else top


def rank(folder):
    return RANKS.get(folder.split("/")[0])


def fault(own, target, name):
    """What is wrong with the unit `own` including `name` of the unit `target`, or None."""
    if target == own:
        return None
    if rank(target) is None:
        return f"{target} has no rank"
    if name.endswith("_internal.h"):
        return f"{name} is private to {target}"
    # What services share stands in svc/ itself.
    if target == "svc" and own.startswith("svc/"):
        return None
    if rank(target) >= rank(own):
        return f"{own} (rank {rank(own)}) may not use {target} (rank {rank(target)})"
    return None


def check_file(path, src):
    parts = path.relative_to(src).parts
    own = folder_of(parts)
    if rank(own) is None:
        yield 1, f"{own} has no rank"
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        name = found.group(1)
        if ".." in name.split("/"):
            yield number, f"{name} climbs"
        elif "/" in name:
            problem = fault(own, folder_of(tuple(name.split("/"))), name)
            if problem:
                yield number, problem
        elif not (path.parent / name).exists():
            yield number, f"{name} is not in this folder"


def main():
    src = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "src"
    faults = [f"{path}:{number}: {problem}" for path in sorted(src.rglob("*.[ch]"))
              for number, problem in check_file(path, src)]
    print("\n".join(faults) or "layers: every include points down")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
