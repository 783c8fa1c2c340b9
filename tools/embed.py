#!/usr/bin/env python3
"""Writes an assembler file that puts a file's bytes into the program as read-only data.

    embed.py SYMBOL INPUT OUTPUT.S

defines SYMBOL (the first byte) and SYMBOL_end. Writing the file anew is what makes the build assemble it anew.
"""
import sys
from pathlib import Path


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    symbol, source, output = sys.argv[1:]
    path = str(Path(source).resolve()).replace("\\", "\\\\").replace('"', '\\"')
    Path(output).write_text(f"""\t.section .rodata
\t.balign 16
\t.globl {symbol}, {symbol}_end
\t.hidden {symbol}, {symbol}_end
{symbol}:
\t.incbin "{path}"
{symbol}_end:
\t.byte 0
\t.section .note.GNU-stack,"",%progbits
""", encoding="utf-8")


if __name__ == "__main__":
    main()
