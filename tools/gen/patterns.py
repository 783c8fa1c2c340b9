"""From the regular expressions of the models (Java's spelling) to PCRE2's, matching the whole value as AWS does."""
import re

LINE_ENDS = r"\n\r\x{85}\x{2028}\x{2029}"  # what Java's '.' does not match
ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|[pP]\{\w+\}|.)", re.DOTALL)
# Two patterns of the models write code points above U+FFFF in ways that Java's syntax has no meaning for; the ranges
# around them show what is meant.
MEANT = (
    (r"\u10000-\u10FFFF", r"\x{10000}-\x{10FFFF}"),
    (r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}"),
)


# One set of characters, repeated: most patterns. A text is right when each of its characters is.
ONE_CLASS = re.compile(r"\^?(?:\[(?:\\.|[^\\\[\]])+\]|\\[wd])[+*]\$?")


class PatternError(ValueError):
    """A construct that the two languages spell alike and mean differently."""


def to_pcre(pattern):
    for written, meant in MEANT:
        pattern = pattern.replace(written, meant)
    dot_all = pattern.startswith("(?s)")
    body = convert(pattern[4:] if dot_all else pattern, dot_all)
    return rf"\A(?{'s' if dot_all else ''}:{body})\z"


def is_one_class(pattern):
    return ONE_CLASS.fullmatch(pattern) is not None


def convert(pattern, dot_all):
    out, at, in_class = [], 0, False
    while at < len(pattern):
        text = pattern[at]
        if text == "\\":
            text = ESCAPE.match(pattern, at).group()
            out.append(escape(pattern, at, text))
        elif in_class:
            check_class(pattern, at)
            out.append(text)
            in_class = text != "]"
        else:
            in_class = text == "["
            out.append(f"[^{LINE_ENDS}]" if text == "." and not dot_all else text)
        at += len(text)
    if in_class:
        raise PatternError(pattern)
    return "".join(out)


def escape(pattern, at, text):
    if text.startswith(r"\u"):
        code = int(text[2:], 16)
        if 0xD800 <= code <= 0xDFFF:
            raise PatternError(pattern)
        return rf"\x{{{code:X}}}"
    if text == r"\x" and pattern[at + 2] == "{":
        return text  # ours, from MEANT
    if text[1].isalpha() and text[1] not in "dDsSwWbBntrpP":
        raise PatternError(pattern)
    return text


def check_class(pattern, at):
    """Java nests classes and intersects them with '&&'; PCRE2 takes both literally."""
    if pattern[at] == "[" or pattern.startswith("&&", at):
        raise PatternError(pattern)
