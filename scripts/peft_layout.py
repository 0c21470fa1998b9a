#!/usr/bin/env python3
"""What of peft_plugin.h is frozen, from its text alone and not from a compiler, so that a compiler that disagrees stops.

Without an option: prints Sources/PluginAPI/C/peft_layout.inc, size and offset of every field of every struct. A field that
its alignment would move, or a struct with padding at its end, is an error here already.
--listing prints the same for people, with the type of every field and every number of a #define.
--check compares the header with the former file, and with the listing of every released ABI in Tests/ABI; exit 1 where they
differ. --as FILE prints the header without what it has grown by since that listing.

usage: scripts/peft_layout.py [--listing | --check | --as FILE]
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
header = root / "Sources/PluginAPI/C/include/peft_plugin.h"
layout = root / "Sources/PluginAPI/C/peft_layout.inc"

SIZES = {"uint32_t": 4, "int32_t": 4, "int64_t": 8, "uint64_t": 8, "double": 8, "peft_value": 8, "peft_function": 8}


def spaced(text):
    return " ".join(text.split())


def unnamed(parameter):
    """A parameter's type."""
    return re.sub(r"(?<=[ *])\w+$", "", spaced(parameter)).strip() if " " in spaced(parameter) else spaced(parameter)


def fields(body):
    """(name, size, alignment, type) of each field; pointers, also to functions, have 8 bytes."""
    for declaration in filter(None, map(spaced, body.split(";"))):
        if function := re.fullmatch(r"(.+?)\s*\(\*(\w+)\)\s*\((.*)\)", declaration):
            yield function[2], 8, 8, f"{function[1]}({', '.join(map(unnamed, function[3].split(',')))})"
            continue
        match = re.fullmatch(r"(.+?)\s*(\w+)(?:\[(\d+)\])?", declaration)
        kind, name, count = match[1], match[2], int(match[3] or 1)
        size = 8 if kind.endswith("*") else SIZES[kind.removeprefix("const ")]
        yield name, size * count, size, kind + (f"[{count}]" if match[3] else "")


def structs(text):
    """(name, size, [(field, offset, size, type)]) of each struct."""
    for match in re.finditer(r"typedef struct (\w+) \{(.*?)\n\} \1;", text, flags=re.S):
        name, offset, widest, placed = match[1], 0, 1, []
        for field, size, alignment, kind in fields(match[2]):
            if offset % alignment:
                sys.exit(f"{name}.{field} at {offset} is not aligned to {alignment}: put a reserved field before it")
            placed.append((field, offset, size, kind))
            offset, widest = offset + size, max(widest, alignment)
        if offset % widest:
            sys.exit(f"{name} has padding at its end: add a reserved field")
        yield name, offset, placed


def assertions(text):
    for name, size, placed in structs(text):
        yield ""
        yield from (f"PEFT_LAYOUT_FIELD({name}, {field}, {offset}, {size})" for field, offset, size, _ in placed)
        yield f"PEFT_LAYOUT_STRUCT({name}, {size})"


def listing(text):
    """A line for everything that is frozen: what it is, then how."""
    for name, number in re.findall(r"^#define (PEFT_\w+) (\S.*)$", text, flags=re.M):
        yield f"{name}: {spaced(number)}"
    for declaration in re.findall(r"^typedef (?!struct \w+ \{)(.*?);", text, flags=re.M):
        yield f"typedef {spaced(declaration)}: declared"
    for name, size, placed in structs(text):
        yield f"{name}: {size} bytes"
        yield from (f"{name}.{field}: at {offset}, {size} bytes, {kind}" for field, offset, size, kind in placed)
    yield "peft_plugin_entry: " + spaced(re.search(r"^.*peft_plugin_entry\(.*?\)", text, flags=re.M)[0])


def check_released(text):
    """Exits where the header breaks a released ABI: all that its listing names must be as it was. What may grow may be larger."""
    now = dict(line.split(": ", 1) for line in listing(text))
    grows = re.compile(r"(\d+)( bytes|u)")
    for released in sorted(root.glob("Tests/ABI/v*/layout.txt")):
        for line in released.read_text().splitlines():
            name, then = line.split(": ", 1)
            new = now.get(name, "gone")
            old_size, new_size = grows.fullmatch(then), grows.fullmatch(new)
            may_grow = name == "PEFT_ABI_VERSION" or then.endswith(" bytes")
            if new == then or may_grow and old_size and new_size and int(new_size[1]) > int(old_size[1]):
                continue
            sys.exit(
                f"peft_plugin.h breaks ABI {released.parent.name}: {name} was '{then}' and is '{new}'. Plugins that people have "
                f"rely on it. Put it back as {released.relative_to(root)} has it, append what is new at the end of its struct, "
                "and give a changed meaning a number, name or table id of its own: see docs/ABI.md")


def without_growth(text, released):
    """The header with the fields only that the listing names."""
    known = {line.split(": ", 1)[0] for line in released.splitlines()}

    def cut(match):
        kept = [part for part in match[2].split(";") if spaced(part) and f"{match[1]}.{next(fields(part))[0]}" in known]
        return f"typedef struct {match[1]} {{{';'.join(kept)};\n}} {match[1]};"

    return re.sub(r"typedef struct (\w+) \{(.*?)\n\} \1;", cut, text, flags=re.S)


if __name__ == "__main__":
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    made = "\n".join(["/* Made by scripts/peft_layout.py from peft_plugin.h. */", *assertions(text)]) + "\n"
    if "--check" in sys.argv[1:]:
        check_released(text)
        if not layout.exists() or layout.read_text() != made:
            sys.exit(f"{layout.relative_to(root)} is out of date: run scripts/peft_layout.py > {layout.relative_to(root)}")
    elif "--as" in sys.argv[1:]:
        print(without_growth(text, pathlib.Path(sys.argv[2]).read_text()), end="")
    else:
        print("\n".join(listing(text)) + "\n" if "--listing" in sys.argv[1:] else made, end="")
