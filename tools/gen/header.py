"""gen/<service>.h: the C structs of a service's shapes and the names of its operations' inputs and outputs."""
from gen import names


def write_header(model):
    shapes = model["shapes"]
    aggregates = [name for name, shape in shapes.items() if names.kind(shape) in ("structure", "list", "map")]
    lines = ["/* Generated from models/ by tools/generate.py. */", "#pragma once", "", '#include "aws/shape.h"', ""]
    lines += [f"{names.struct(model, name)};" for name in aggregates]
    # Lists and maps hold only pointers, so they can be complete before the structures that hold them inline.
    for name in sorted(aggregates, key=lambda name: shapes[name]["type"] == "structure"):
        lines += ["", *define(model, name, shapes[name])]
    lines += ["", *(f"extern const struct bw_shape *const {names.shape_variable(model, name)};"
                    for name in names.shown(model))]
    lines += ["", f"extern const struct bw_service bw_service_{names.prefix(model)};", ""]
    for name, op in model["operations"].items():
        for direction, shape in (("IN", op.get("input")), ("OUT", op.get("output"))):
            what = names.struct(model, shape) if shape else names.EMPTY
            lines.append(f"#define {direction}_{names.prefix(model)}_{name} {what}")
    return "\n".join(lines) + "\n"


def define(model, name, shape):
    head = f"{names.struct(model, name)} {{"
    if shape["type"] == "list":
        element = names.inline_type(model, names.target(shape["member"]))
        return [head, "\tbool set;", "\tsize_t n;", f"\t{element} *v;", "};"]
    if shape["type"] == "map":
        value = names.inline_type(model, names.target(shape["value"]))
        return [head, "\tbool set;", "\tsize_t n;", "\tstruct bw_str *keys;", f"\t{value} *v;", "};"]
    members = [f"\t{names.member_type(model, names.target(ref))}{names.member(member)};"
               for member, ref in shape["members"].items()]
    return [head, *(members or ["\tchar none;"]), "};"]
