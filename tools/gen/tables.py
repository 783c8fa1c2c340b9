"""gen/<service>.c: the tables that the codecs, the gate and the coverage report are driven by."""
from gen import names, patterns
from gen.pool import Pool, Ref

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


def row(path, fields):
    """A designated initialiser of the fields that are not zero, of the row at `path` in the tables."""
    told = {key: value.at(f"{path}.{key}") if isinstance(value, Ref) else value
            for key, value in fields.items() if value not in (None, False)}
    return "{" + ", ".join(f".{key} = {value}" for key, value in told.items()) + "}"


def rows(name, fields):
    """The initialiser of an array of rows."""
    return "{" + "".join(f"\n\t\t{row(f'{name}[{i}]', one)}," for i, one in enumerate(fields)) + "}"


def flag(value):
    return "true" if value else None


def write_tables(model, service_number, first_slot):
    """The file, and how many slots for compiled patterns it takes."""
    pool = Pool(first_slot)
    members = [*shape_tables(model, pool), *service_tables(model, pool, service_number)]
    members += pool.members()
    lines = ["/* Generated from models/ by tools/generate.py. */", f'#include "gen/{model["service"]["name"]}.h"', "",
             "/* One object, so that all distances in it are known when it is compiled. */", "static const struct tables {"]
    lines += [f"\t{declaration};" for declaration, _, _ in members]
    lines += ["} tables;", "#define R(from, to) {(int32_t)(offsetof(struct tables, to) - offsetof(struct tables, from))}", "",
              "static const struct tables tables = {"]
    lines += [f"\t.{name} = {value}," for _, name, value in members]
    lines += ["};", ""]
    lines += [f"const struct bw_shape *const {names.shape_variable(model, name)} = &tables.s_{name};"
              for name in names.shown(model)]
    lines += [f"const struct bw_service bw_service_{names.prefix(model)} = {service_row(model)};"]
    return "\n".join(lines) + "\n", pool.pattern_count()


def shape_tables(model, pool):
    yield "struct bw_member m_none[1]", "m_none", "{{.offset = 0}}"
    for name, shape in model["shapes"].items():
        yield f"struct bw_shape s_{name}", f"s_{name}", row(f"s_{name}", shape_fields(model, pool, name, shape))
    for name, shape in model["shapes"].items():
        if names.kind(shape) != "structure" or not shape["members"]:
            continue
        if len(shape["members"]) > 64:
            raise ValueError(f"{name}: the decoders mark the members they have seen in 64 bits")
        fields = [member_fields(model, pool, name, shape, member, ref) for member, ref in shape["members"].items()]
        yield f"struct bw_member m_{name}[{len(fields)}]", f"m_{name}", rows(f"m_{name}", fields)


def reference(shape_name):
    return Ref(f"s_{shape_name}")


def member_fields(model, pool, owner, shape, name, ref):
    facts = {} if isinstance(ref, str) else ref
    target = model["shapes"][names.target(ref)]
    wire = facts.get("locationName", name)
    return {
        "name": pool.text(name),
        "wire": pool.text(wire),
        "query": pool.text(query_name(model, facts, name)),
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
        "name": pool.text(name),
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
    return fields | aggregate_fields(pool, name, shape, kind) | error_fields(pool, name, shape)


def integer(bound):
    if bound != int(bound):
        raise ValueError(f"a bound that is no whole number: {bound}")
    return f"INT64_C({int(bound)})"


def aggregate_fields(pool, name, shape, kind):
    if kind == "structure" and not shape["members"]:
        return {"members": Ref("m_none")}
    if kind == "structure":
        payload = list(shape["members"]).index(shape["payload"]) if "payload" in shape else None
        return {
            "members": Ref(f"m_{name}"),
            "member_count": len(shape["members"]),
            "payload": None if payload is None else Ref(f"m_{name}[{payload}]"),
        }
    if kind not in ("list", "map"):
        return {}
    value = shape["member" if kind == "list" else "value"]
    fields = {"element": reference(names.target(value)), "element_wire": pool.text(wire_name(value))}
    if kind == "map":
        fields |= {"key": reference(names.target(shape["key"])), "key_wire": pool.text(wire_name(shape["key"]))}
    return fields


def wire_name(ref):
    return None if isinstance(ref, str) else ref.get("locationName")


def error_fields(pool, name, shape):
    if not shape.get("exception"):
        return {}
    error = shape.get("error", {})
    fault = shape.get("fault", False)
    return {
        "error_code": pool.text(error.get("code", name)),
        "error_status": error.get("httpStatusCode", 500 if fault else 400),
        "error_sender": flag(error.get("senderFault", not fault)),
    }


def service_tables(model, pool, service_number):
    operations = [operation_fields(model, pool, service_number, name, op) for name, op in sorted(model["operations"].items())]
    actions = [{"name": pool.text(name), **authorisation(pool, facts)} for name, facts in model.get("actions", {}).items()]
    resources = [{"name": pool.text(name), "arn": pool.text(facts["arn"]), "condition_keys": pool.strings(facts.get("keys", []))}
                 for name, facts in model["resources"].items()]
    for kind, name, table in (("bw_operation", "operations", operations), ("bw_action", "actions", actions),
                              ("bw_resource_type", "resources", resources)):
        if table:
            yield f"struct {kind} {name}[{len(table)}]", name, rows(name, table)


def service_row(model):
    service = model["service"]
    counts = {"operation": len(model["operations"]), "action": len(model.get("actions", {})), "resource": len(model["resources"])}
    fields = {key: None if key not in service or service[key] is None else names.literal(service[key])
              for key in ("name", "id", "signing_name", "prefix", "event_source", "version", "target_prefix", "json_version", "xmlns")}
    fields |= {
        "protocol": f"BW_PROTOCOL_{PROTOCOLS[service['protocol']]}",
        "global": flag(service.get("global")), "whole_seconds": flag(service.get("whole_seconds")),
    }
    for kind, count in counts.items():
        if count:
            fields |= {f"{kind}s": f"tables.{kind}s", f"{kind}_count": count}
    return row("", fields)


def operation_fields(model, pool, service_number, name, op):
    uri, _, query = op["http"][1].partition("?")
    return {
        "name": pool.text(name),
        "service": service_number or None,
        "method": pool.text(op["http"][0]), "uri": pool.text(uri), "fixed_query": pool.text(query or None),
        "input": reference(op["input"]) if "input" in op else None,
        "output": reference(op["output"]) if "output" in op else None,
        "result_wrapper": pool.text(op.get("wrapper")),
        "errors": pool.shapes(op.get("errors", [])),
        "success_status": op.get("status"),
        "unsigned_ok": flag(op.get("unsigned")),
        "action": pool.text(f"{model['service']['prefix']}:{op['action']}"),
        **authorisation(pool, op),
    }


def authorisation(pool, facts):
    return {
        "access": pool.text(facts["access"]),
        "resource_types": pool.strings([kind.rstrip("*") for kind in facts.get("resources", [])]),
        "condition_keys": pool.strings(facts.get("keys", [])),
    }
