"""How names of the models stand in C."""
KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm typeof "
    "linux unix".split())
SCALARS = {
    "string": "struct bw_str", "blob": "struct bw_str", "boolean": "struct bw_opt_bool", "integer": "struct bw_opt_int",
    "long": "struct bw_opt_int", "float": "struct bw_opt_float", "double": "struct bw_opt_float",
    "timestamp": "struct bw_opt_time",
}
EMPTY = "struct bw_empty"


def prefix(model):
    return model["service"]["name"].replace("-", "_")


def member(name):
    return name + "_" if name in KEYWORDS else name


def kind(shape):
    return "document" if shape.get("document") else shape["type"]


def target(ref):
    """The shape that a member, an element, a key or a value refers to."""
    return ref if isinstance(ref, str) else ref["shape"]


def struct(model, name):
    return f"struct {prefix(model)}_{name}"


def inline_type(model, name):
    """The C type of a shape standing inline: as a list's element or a map's value."""
    of = kind(model["shapes"][name])
    if of == "document":
        return "struct bw_str"
    return SCALARS.get(of) or struct(model, name)


def member_type(model, name):
    """The C type of a shape as a structure's member: structures stand behind a pointer."""
    pointer = " *" if kind(model["shapes"][name]) == "structure" else " "
    return inline_type(model, name) + pointer


def literal(text):
    """A C string literal, or NULL. UTF-8 stands as it is; a trigraph-looking '??' is broken up."""
    if text is None:
        return "NULL"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    escaped = escaped.replace("\r", "\\r").replace("??", '?""?')
    return f'"{escaped}"'


def shown(model):
    """The structures whose tables have a name in C: those that services keep as they are (aws/pack.h)."""
    return [name for name, shape in model["shapes"].items() if kind(shape) == "structure" and not shape.get("error")]


def shape_variable(model, name):
    return f"{prefix(model)}_{name}_shape"
