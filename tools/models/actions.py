"""What the service authorisation reference says about each operation's action."""
import json


def read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def action_facts(action):
    """Resource types are marked '*' where the action requires one, as the reference's tables do."""
    keys = list(action["conditionKeys"])
    for kind in action["resourceTypes"]:
        keys += [key for key in kind.get("conditionKeys", []) if key not in keys]
    facts = {"action": action["name"], "access": action["accessLevel"]}
    resources = [kind["name"] + ("*" if kind.get("required") else "") for kind in action["resourceTypes"]]
    if resources:
        facts["resources"] = resources
    if keys:
        facts["keys"] = keys
    return facts


def merge(facts, service, data):
    actions = read(data / "actions" / f"{service.prefix}.json")
    used = set()
    for name, op in facts["operations"].items():
        wanted = service.renamed.get(name, name)
        used.add(wanted.lower())
        found = actions.get(wanted.lower())
        op |= action_facts(found) if found else {"action": wanted, "access": guess_access(name)}
    if service.keep is None:
        facts["actions"] = {action["name"]: without_name(action) for key, action in sorted(actions.items())
                            if key not in used}
    facts["resources"] = resource_facts(read(data / "resourceTypes" / f"{service.prefix}.json"))


def without_name(action):
    facts = action_facts(action)
    del facts["action"]
    return facts


def guess_access(name):
    """For the few operations that the reference does not list."""
    if name.startswith("List"):
        return "List"
    return "Read" if name.startswith(("Get", "Describe")) else "Write"


def resource_facts(kinds):
    return {name: {"arn": kind["arn"], **({"keys": kind["conditionKeys"]} if kind.get("conditionKeys") else {})}
            for name, kind in sorted(kinds.items())}
