#!/usr/bin/env python3
"""Prints Sources/PluginAPI/C/peft_layout.inc: size and offset of every field of every struct of peft_plugin.h.

The numbers come from the header's text alone, not from a compiler, so that a compiler that disagrees stops. A field that
its alignment would move, or a struct with padding at its end, is an error here already.

usage: scripts/peft_layout.py [--check]     --check: compare with the file, exit 1 where it differs
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
header = root / "Sources/PluginAPI/C/include/peft_plugin.h"
layout = root / "Sources/PluginAPI/C/peft_layout.inc"

SIZES = {"uint32_t": 4, "int32_t": 4, "int64_t": 8, "uint64_t": 8, "double": 8, "peft_value": 8, "peft_function": 8}


def fields(body):
    """(name, size, alignment) of each field; pointers, also to functions, have 8 bytes."""
    for declaration in filter(None, (" ".join(part.split()) for part in body.split(";"))):
        if function := re.search(r"\(\*(\w+)\)\s*\(", declaration):
            yield function[1], 8, 8
            continue
        match = re.fullmatch(r"(.+?)\s*(\w+)(?:\[(\d+)\])?", declaration)
        kind, name, count = match[1], match[2], int(match[3] or 1)
        size = 8 if kind.endswith("*") else SIZES[kind.removeprefix("const ")]
        yield name, size * count, size


def assertions(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for match in re.finditer(r"typedef struct (\w+) \{(.*?)\n\} \1;", text, flags=re.S):
        name, offset, widest = match[1], 0, 1
        yield ""
        for field, size, alignment in fields(match[2]):
            if offset % alignment:
                sys.exit(f"{name}.{field} at {offset} is not aligned to {alignment}: put a reserved field before it")
            yield f"PEFT_LAYOUT_FIELD({name}, {field}, {offset}, {size})"
            offset, widest = offset + size, max(widest, alignment)
        if offset % widest:
            sys.exit(f"{name} has padding at its end: add a reserved field")
        yield f"PEFT_LAYOUT_STRUCT({name}, {offset})"


text = "\n".join(["/* Made by scripts/peft_layout.py from peft_plugin.h. */", *assertions(header.read_text())]) + "\n"
if "--check" in sys.argv[1:]:
    if not layout.exists() or layout.read_text() != text:
        sys.exit(f"{layout.relative_to(root)} is out of date: run scripts/peft_layout.py > {layout.relative_to(root)}")
else:
    print(text, end="")
