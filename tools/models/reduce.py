"""From a botocore service model to the facts we keep."""
METADATA = {
    "serviceId": "id", "apiVersion": "version", "protocol": "protocol", "targetPrefix": "target_prefix",
    "jsonVersion": "json_version", "xmlNamespace": "xmlns",
}
SHAPE_FACTS = ("min", "max", "pattern", "enum", "sensitive", "flattened", "required", "timestampFormat", "document",
               "union", "payload", "exception", "fault")
MEMBER_FACTS = ("location", "locationName", "queryName", "idempotencyToken", "timestampFormat", "flattened")


def is_global(endpoints, prefix):
    """True of a service with one endpoint for the whole partition, signed for one Region."""
    service = endpoints["partitions"][0]["services"].get(prefix, {})
    return service.get("isRegionalized", True) is False


def reduce_model(model, service):
    kept = {name: op for name, op in sorted(model["operations"].items())
            if service.keep is None or service.keep.fullmatch(name)}
    operations = {name: reduce_operation(op) for name, op in kept.items()}
    shapes = reachable(model["shapes"], operations)
    return {
        "service": reduce_metadata(model["metadata"], service),
        "operations": operations,
        "shapes": {name: reduce_shape(model["shapes"][name]) for name in sorted(shapes)},
    }


def reduce_metadata(metadata, service):
    facts = {"name": service.name}
    facts |= {ours: metadata[theirs] for theirs, ours in METADATA.items() if theirs in metadata}
    facts["signing_name"] = metadata.get("signingName", metadata["endpointPrefix"])
    facts["prefix"] = service.prefix
    facts["event_source"] = service.event_source
    if service.whole_seconds:
        facts["whole_seconds"] = True
    return facts


def reduce_operation(op):
    facts = {"http": [op["http"]["method"], op["http"]["requestUri"]]}
    if op["http"].get("responseCode", 200) != 200:
        facts["status"] = op["http"]["responseCode"]
    for ours in ("input", "output"):
        if ours in op:
            facts[ours] = op[ours]["shape"]
    if "resultWrapper" in op.get("output", {}):
        facts["wrapper"] = op["output"]["resultWrapper"]
    if op.get("errors"):
        facts["errors"] = [error["shape"] for error in op["errors"]]
    if op.get("authtype") == "none":
        facts["unsigned"] = True
    return facts


def references(shape):
    for ref in list(shape.get("members", {}).values()) + [shape.get(part) for part in ("member", "key", "value")]:
        if ref:
            yield ref["shape"]


def reachable(shapes, operations):
    found = set()
    waiting = [name for op in operations.values()
               for name in [op.get("input"), op.get("output"), *op.get("errors", [])] if name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(references(shapes[name]))
    return found


def reduce_ref(ref):
    facts = {key: ref[key] for key in MEMBER_FACTS if key in ref}
    return {"shape": ref["shape"], **facts} if facts else ref["shape"]


def reduce_shape(shape):
    facts = {"type": shape["type"]}
    facts |= {key: shape[key] for key in SHAPE_FACTS if key in shape and shape[key] is not False and shape[key] != []}
    if "error" in shape:
        facts["error"] = {key: shape["error"][key] for key in ("code", "httpStatusCode", "senderFault")
                          if key in shape["error"]}
    if "members" in shape:
        facts["members"] = {name: reduce_ref(ref) for name, ref in shape["members"].items()}
    for part in ("member", "key", "value"):
        if part in shape:
            facts[part] = reduce_ref(shape[part])
    return facts
