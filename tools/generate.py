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


def write_services(ordered, pattern_count):
    """bw_services, sorted by name and NULL-terminated, and the slots of all patterns."""
    idents = [prefix(model) for model in ordered]
    lines = ["/* Generated from models/ by tools/generate.py. */", '#include "aws/shape.h"', ""]
    lines += [f"extern const struct bw_service bw_service_{ident};" for ident in idents]
    lines += ["", "const struct bw_service *const bw_services[] = {"]
    lines += [f"\t&bw_service_{ident}," for ident in idents]
    lines += ["\tNULL,", "};", f"void *_Atomic bw_pattern_slots[{pattern_count}];"]
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted((read_model(path) for path in sys.argv[2:]), key=lambda model: model["service"]["name"])
    slots = 0
    for number, model in enumerate(ordered):
        name = model["service"]["name"]
        tables, patterns = write_tables(model, number, slots)
        slots += patterns
        (folder / f"{name}.h").write_text(write_header(model), encoding="utf-8")
        (folder / f"{name}.c").write_text(tables, encoding="utf-8")
    (folder / "services.c").write_text(write_services(ordered, slots), encoding="utf-8")


if __name__ == "__main__":
    main()
