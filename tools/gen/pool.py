"""What a table's rows refer to: texts, and lists that several rows share. Each stands once in the generated file."""
from gen import names


class Ref:
    """A reference from a row to something else of the same tables: BW_REF in C."""

    def __init__(self, to):
        self.to = to

    def at(self, path):
        return f"R({path}, {self.to})"


class Pool:
    def __init__(self, first_slot):
        self._lists = {}
        self._patterns = {}
        self._texts = {}
        self._first_slot = first_slot

    def text(self, value):
        return None if value is None else Ref(f"t_{self._texts.setdefault(value, len(self._texts))}")

    def strings(self, values):
        return self._list("bw_text_at", tuple(self.text(value).to for value in values))

    def shapes(self, values):
        return self._list("bw_shape_at", tuple(f"s_{value}" for value in values))

    def _list(self, c_type, items):
        return Ref(f"list_{self._lists.setdefault((c_type, items), len(self._lists))}")

    def pattern(self, text, pcre, one_class):
        key = (self.text(text).to, self.text(pcre).to, one_class)
        return Ref(f"pattern_{self._patterns.setdefault(key, len(self._patterns))}")

    def pattern_count(self):
        return len(self._patterns)

    def members(self):
        """Declarations and initialisers of everything that was asked for. To be called last."""
        for (c_type, items), number in self._lists.items():
            rows = [f"{{{Ref(item).at(f'list_{number}[{i}].at')}}}" for i, item in enumerate(items)]
            yield f"struct {c_type} list_{number}[{len(items) + 1}]", f"list_{number}", "{" + ", ".join([*rows, "{{0}}"]) + "}"
        for (text, pcre, one_class), number in self._patterns.items():
            name = f"pattern_{number}"
            yield f"struct bw_pattern {name}", name, (
                f"{{.text = {Ref(text).at(name + '.text')}, .pcre = {Ref(pcre).at(name + '.pcre')}, "
                f".one_class = {'true' if one_class else 'false'}, .slot = {self._first_slot + number}}}")
        for value, number in self._texts.items():
            yield f"char t_{number}[{len(value.encode()) + 1}]", f"t_{number}", names.literal(value)
