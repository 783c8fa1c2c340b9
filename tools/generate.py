#!/usr/bin/env python3
"""Generates C from models/: a header and a table file a service, and the list of all services.

    generate.py OUTPUT_FOLDER models/acm.json models/iam.json ...

writes OUTPUT_FOLDER/<service>.h, <service>.c and services.c. The build runs it; nothing of it is committed.
"""
import sys
from pathlib import Path

from gen.header import write_header
from gen.names import prefix
from gen.tables import write_tables
from models.files import read_model


def write_services(models):
    """bw_services, sorted by name and NULL-terminated."""
    rows = sorted((model["service"]["name"], prefix(model)) for model in models)
    lines = ["/* Generated from models/ by tools/generate.py. */", '#include "aws/shape.h"', ""]
    lines += [f"extern const struct bw_service bw_service_{ident};" for _, ident in rows]
    lines += ["", "const struct bw_service *const bw_services[] = {"]
    lines += [f"\t&bw_service_{ident}," for _, ident in rows]
    return "\n".join([*lines, "\tNULL,", "};"]) + "\n"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    models = [read_model(path) for path in sys.argv[2:]]
    for model in models:
        name = model["service"]["name"]
        (folder / f"{name}.h").write_text(write_header(model), encoding="utf-8")
        (folder / f"{name}.c").write_text(write_tables(model), encoding="utf-8")
    (folder / "services.c").write_text(write_services(models), encoding="utf-8")


if __name__ == "__main__":
    main()
