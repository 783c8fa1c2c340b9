#!/usr/bin/env python3
"""Fails on calls, jumps and sizes that the house style bans.

    banned.py [ROOT]

looks at src/, fuzz/, bench/ and tests/. Only src/ is held to sizes and to base/mem.h; tests may read numbers with the C
library, as the independent second opinion that they are.
"""
import re
import sys
from pathlib import Path

CALLS = frozenset("sprintf vsprintf strcpy strcat strncpy strncat stpcpy gets system popen alloca strtok strtok_r tmpnam "
                  "mktemp".split())
NUMBERS = frozenset("atoi atol atoll atof strtol strtoll strtoul strtoull sscanf".split())
MEMORY = frozenset("malloc calloc realloc free strdup strndup asprintf vasprintf".split())
# What OpenSSL frees is wiped by the one who sets these, and the last one wins.
OPENSSL_MEMORY = frozenset({"CRYPTO_set_mem_functions"})
# Left alone they ask on the terminal for what is encrypted: src/crypto/pem.c does not let them.
ASKING = frozenset(f"PEM_read_bio_{kind}" for kind in "X509 X509_AUX X509_CRL X509_REQ PrivateKey PUBKEY".split())
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 100

TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|/\*.*?\*/|//[^\n]*', re.DOTALL)
CALL = re.compile(r"(?<![\w.>])(\w+)\s*\(")
GOTO = re.compile(r"\bgoto\s+(\w+)")


def blank(match):
    """Comments and literals out, line ends kept."""
    return '""' + "\n" * match.group().count("\n")


def banned_in(parts):
    """What a file may not call, by its path from the root."""
    banned = CALLS
    if parts[0] != "tests":
        banned = banned | NUMBERS
    if parts[0] == "src" and parts[1] != "base":
        banned = banned | MEMORY
    if tuple(parts) != ("src", "crypto", "memory.c"):
        banned = banned | OPENSSL_MEMORY
    if parts[0] == "src" and tuple(parts[1:]) != ("crypto", "pem.c"):
        banned = banned | ASKING
    return banned


def check_calls(code, banned):
    for number, line in enumerate(code.splitlines(), 1):
        for name in CALL.findall(line):
            if name in banned:
                yield number, f"{name}() is banned"
        for label in GOTO.findall(line):
            if label != "out":
                yield number, f"goto {label}: the one label is out"


def check_functions(code):
    """A function's body begins with '{' alone in the first column and ends with '}' there."""
    begin = None
    for number, line in enumerate(code.splitlines(), 1):
        if line == "{":
            begin = number
        elif line.startswith("}") and begin is not None:
            if number - begin + 1 > FUNCTION_LINES_MAX:
                yield begin, f"a function of {number - begin + 1} lines (at most {FUNCTION_LINES_MAX})"
            begin = None


def check_file(path, parts):
    product = parts[0] == "src"
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if product and lines > FILE_LINES_MAX:
        yield lines, f"a file of {lines} lines (at most {FILE_LINES_MAX})"
    code = TOKEN.sub(blank, text)
    yield from check_calls(code, banned_in(parts))
    if product:
        yield from check_functions(code)


def faults_of(root):
    for top in ("src", "fuzz", "bench", "tests"):
        for path in sorted((root / top).rglob("*.[ch]")):
            for number, problem in check_file(path, path.relative_to(root).parts):
                yield f"{path}:{number}: {problem}"


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    faults = list(faults_of(root))
    print("\n".join(faults) or "banned: nothing banned is used")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
