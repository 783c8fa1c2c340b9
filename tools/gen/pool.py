"""Lists and patterns that several rows share: each stands once in the generated file."""
from gen import names


class Pool:
    def __init__(self):
        self._lists = {}
        self._patterns = {}

    def strings(self, values):
        return self._list("const char *const", tuple(names.literal(value) for value in values))

    def shapes(self, values):
        return self._list("const struct bw_shape *const", tuple(f"&s_{value}" for value in values))

    def _list(self, c_type, items):
        known = self._lists.setdefault((c_type, items), len(self._lists))
        return f"list_{known}"

    def pattern(self, text, pcre, one_class):
        known = self._patterns.setdefault((text, pcre, one_class), len(self._patterns))
        return f"&pattern_{known}"

    def lines(self):
        lines = [f"static {c_type} list_{number}[] = {{{', '.join([*items, 'NULL'])}}};"
                 for (c_type, items), number in self._lists.items()]
        return lines + [f"static struct bw_pattern pattern_{number} = {{.text = {names.literal(text)}, "
                        f".pcre = {names.literal(pcre)}, .one_class = {'true' if one_class else 'false'}}};"
                        for (text, pcre, one_class), number in self._patterns.items()]
