"""gen/<service>.c: the tables that the codecs, the gate and the coverage report are driven by."""
from gen import names, patterns
from gen.pool import Pool

KINDS = {
    "string": "STRING", "blob": "BLOB", "boolean": "BOOLEAN", "integer": "INTEGER", "long": "INTEGER", "float": "FLOAT",
    "double": "FLOAT", "timestamp": "TIMESTAMP", "structure": "STRUCTURE", "list": "LIST", "map": "MAP",
    "document": "DOCUMENT",
}
TIME_FORMATS = {"iso8601": "BW_TIME_ISO8601", "unixTimestamp": "BW_TIME_UNIX", "rfc822": "BW_TIME_RFC822"}
LOCATIONS = {"uri": "BW_IN_URI", "querystring": "BW_IN_QUERY", "header": "BW_IN_HEADER", "headers": "BW_IN_HEADERS",
             "statusCode": "BW_IN_STATUS"}
PROTOCOLS = {"query": "QUERY", "ec2": "EC2", "json": "JSON", "rest-json": "REST_JSON"}
# Secrets that AWS's models do not call sensitive, by the shape's name: they stay out of audit records all the same.
SECRETS = frozenset({"AuthenticateOidcActionClientSecret", "authenticationCodeType", "tokenCodeType", "tokenType"})


def row(fields):
    """A designated initialiser of the fields that are not zero."""
    return "{" + ", ".join(f".{key} = {value}" for key, value in fields.items() if value not in (None, False)) + "}"


def flag(value):
    return "true" if value else None


def text(value):
    return None if value is None else names.literal(value)


def write_tables(model):
    pool = Pool()
    shapes = model["shapes"]
    lines = ["/* Generated from models/ by tools/generate.py. */", f'#include "gen/{model["service"]["name"]}.h"', ""]
    lines += [f"static const struct bw_shape s_{name};" for name in shapes]
    body = []
    for name, shape in shapes.items():
        body += members_table(model, name, shape)
    for name, shape in shapes.items():
        body.append(f"static const struct bw_shape s_{name} = {row(shape_fields(model, pool, name, shape))};")
    body += [f"const struct bw_shape *const {names.shape_variable(model, name)} = {reference(name)};"
             for name in names.shown(model)]
    body += service_tables(model, pool)
    return "\n".join(lines + pool.lines() + body) + "\n"


def reference(shape_name):
    return f"&s_{shape_name}"


def members_table(model, name, shape):
    if names.kind(shape) != "structure" or not shape["members"]:
        return []
    if len(shape["members"]) > 64:
        raise ValueError(f"{name}: the decoders mark the members they have seen in 64 bits")
    rows = [f"\t{row(member_fields(model, name, shape, member, ref))}," for member, ref in shape["members"].items()]
    return [f"static const struct bw_member m_{name}[] = {{", *rows, "};"]


def member_fields(model, owner, shape, name, ref):
    facts = {} if isinstance(ref, str) else ref
    target = model["shapes"][names.target(ref)]
    wire = facts.get("locationName", name)
    return {
        "name": names.literal(name),
        "wire": names.literal(wire),
        "query": names.literal(query_name(model, facts, name)),
        "shape": reference(names.target(ref)),
        "offset": f"offsetof({names.struct(model, owner)}, {names.member(name)})",
        "location": LOCATIONS[facts["location"]] if "location" in facts else None,
        "required": flag(name in shape.get("required", [])),
        "token": flag(facts.get("idempotencyToken")),
        "sensitive": flag(target.get("sensitive") or names.target(ref) in SECRETS),
        "time_format": TIME_FORMATS.get(facts.get("timestampFormat") or target.get("timestampFormat")),
    }


def query_name(model, facts, name):
    """The ec2 protocol's input names: queryName, or locationName with its first letter raised, or the name."""
    if model["service"]["protocol"] != "ec2":
        return facts.get("locationName", name)
    if "queryName" in facts:
        return facts["queryName"]
    wire = facts.get("locationName", name)
    return wire[0].upper() + wire[1:]


def shape_fields(model, pool, name, shape):
    kind = names.kind(shape)
    fields = {
        "kind": f"BW_SHAPE_{KINDS[kind]}",
        "flattened": flag(shape.get("flattened")),
        "sensitive": flag(shape.get("sensitive") or name in SECRETS),
        "one_of": flag(shape.get("union")),
        "is_long": flag(kind in ("long", "double")),
        "time_format": TIME_FORMATS.get(shape.get("timestampFormat")),
        "name": names.literal(name),
        "size": f"sizeof({names.inline_type(model, name)})",
    }
    for bound in ("min", "max"):
        if bound in shape:
            fields[f"has_{bound}"] = "true"
            fields[bound] = integer(shape[bound])
    if "pattern" in shape:
        fields["pattern"] = pool.pattern(shape["pattern"], patterns.to_pcre(shape["pattern"]),
                                         patterns.is_one_class(shape["pattern"]))
    if "enum" in shape:
        fields["values"] = pool.strings(shape["enum"])
    return fields | aggregate_fields(name, shape, kind) | error_fields(name, shape)


def integer(bound):
    if bound != int(bound):
        raise ValueError(f"a bound that is no whole number: {bound}")
    return f"INT64_C({int(bound)})"


def aggregate_fields(name, shape, kind):
    if kind == "structure" and not shape["members"]:
        return {"members": "bw_no_members"}
    if kind == "structure":
        payload = list(shape["members"]).index(shape["payload"]) if "payload" in shape else None
        return {
            "members": f"m_{name}",
            "member_count": len(shape["members"]),
            "payload": None if payload is None else f"&m_{name}[{payload}]",
        }
    if kind not in ("list", "map"):
        return {}
    value = shape["member" if kind == "list" else "value"]
    fields = {"element": reference(names.target(value)), "element_wire": text(wire_name(value))}
    if kind == "map":
        fields |= {"key": reference(names.target(shape["key"])), "key_wire": text(wire_name(shape["key"]))}
    return fields


def wire_name(ref):
    return None if isinstance(ref, str) else ref.get("locationName")


def error_fields(name, shape):
    if not shape.get("exception"):
        return {}
    error = shape.get("error", {})
    fault = shape.get("fault", False)
    return {
        "error_code": names.literal(error.get("code", name)),
        "error_status": error.get("httpStatusCode", 500 if fault else 400),
        "error_sender": flag(error.get("senderFault", not fault)),
    }


def service_tables(model, pool):
    ident = names.prefix(model)
    operations = sorted(model["operations"].items())
    lines = ["static const struct bw_operation operations[] = {"]
    lines += [f"\t{row(operation_fields(model, pool, name, op))}," for name, op in operations]
    lines += ["};"]
    lines += action_table(model, pool) + resource_table(model, pool)
    service = model["service"]
    fields = {key: text(service.get(key)) for key in ("name", "id", "signing_name", "prefix", "event_source", "version",
                                                      "target_prefix", "json_version", "xmlns")}
    fields |= {
        "protocol": f"BW_PROTOCOL_{PROTOCOLS[service['protocol']]}",
        "global": flag(service.get("global")), "whole_seconds": flag(service.get("whole_seconds")),
        "operations": "operations", "operation_count": len(operations),
        "resources": "resources" if model["resources"] else None, "resource_count": len(model["resources"]) or None,
        "actions": "actions" if model.get("actions") else None, "action_count": len(model.get("actions", {})) or None,
    }
    return lines + [f"const struct bw_service bw_service_{ident} = {row(fields)};"]


def operation_fields(model, pool, name, op):
    uri, _, query = op["http"][1].partition("?")
    return {
        "name": names.literal(name),
        "service": f"&bw_service_{names.prefix(model)}",
        "method": names.literal(op["http"][0]), "uri": names.literal(uri), "fixed_query": text(query or None),
        "input": reference(op["input"]) if "input" in op else None,
        "output": reference(op["output"]) if "output" in op else None,
        "result_wrapper": text(op.get("wrapper")),
        "errors": pool.shapes(op.get("errors", [])),
        "success_status": op.get("status"),
        "unsigned_ok": flag(op.get("unsigned")),
        "action": names.literal(f"{model['service']['prefix']}:{op['action']}"),
        **authorisation(pool, op),
    }


def authorisation(pool, facts):
    return {
        "access": names.literal(facts["access"]),
        "resource_types": pool.strings([kind.rstrip("*") for kind in facts.get("resources", [])]),
        "condition_keys": pool.strings(facts.get("keys", [])),
    }


def action_table(model, pool):
    if not model.get("actions"):
        return []
    rows = [f"\t{row({'name': names.literal(name), **authorisation(pool, facts)})},"
            for name, facts in model["actions"].items()]
    return ["static const struct bw_action actions[] = {", *rows, "};"]


def resource_table(model, pool):
    if not model["resources"]:
        return []
    rows = [f"\t{row({'name': names.literal(name), 'arn': names.literal(facts['arn']), 'condition_keys': pool.strings(facts.get('keys', []))})},"
            for name, facts in model["resources"].items()]
    return ["static const struct bw_resource_type resources[] = {", *rows, "};"]
