#!/usr/bin/env python3
"""Makes docs/Header.md, the reference of peft_plugin.h, from the comments of the header. With --check it changes nothing, and
fails where the page is not what it would write."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = ROOT / "Sources/PluginAPI/C/include/peft_plugin.h"
PAGE = ROOT / "docs/Header.md"
# What a reader of the reference does not need.
GUARDS = re.compile(r"#(ifndef|ifdef|endif|if |include|define PEFT_PLUGIN_H)|extern \"C\" \{|\}$|__attribute__")


def comments_apart(lines):
    """The lines in order: ("comment", its lines) for a comment that stands alone, ("code", line) for any other line."""
    comment = None
    for line in lines:
        text = line.strip()
        if comment is None and text.startswith("/*") and (text.endswith("*/") or "*/" not in text):
            comment = []
        if comment is None:
            yield "code", line.rstrip()
            continue
        comment.append(re.sub(r"^\s*(/\*| \*/|\*/| \*|\*)", "", line.rstrip()).removesuffix("*/").rstrip())
        if text.endswith("*/"):
            yield "comment", comment
            comment = None


def prose(comment):
    """Paragraphs as they are; what is indented further is a table, and stays as it was laid out."""
    out, table = [], []
    for line in comment + [""]:
        is_table = line.startswith("  ")
        if is_table:
            table.append(line)
        elif table:
            out += ["", "```text"] + [row[2:] for row in table] + ["```", ""]
            table = []
        if not is_table:
            out.append(line.strip())
    return out


class Page:
    def __init__(self):
        self.out, self.pending, self.block = [], [], []

    def end_block(self):
        while self.block and not self.block[-1]:
            self.block.pop()
        if self.block:
            self.out += ["", "```c"] + self.block + ["```", ""]
        self.block = []

    def flush(self):
        self.end_block()
        self.out += [""] + self.pending + [""]
        self.pending = []

    def heading(self, level, text):
        self.end_block()
        self.out += ["", "#" * level + " " + text, ""]


def reference(text):
    page, is_struct, indent = Page(), False, 0
    for kind, item in comments_apart(text.splitlines()):
        if kind == "comment":
            lines = [line for line in item if not re.fullmatch(r" ?-{20,}", line)]
            if len(lines) < len(item):
                page.flush()
                page.heading(2, lines[0].strip())
                lines = lines[1:]
            else:
                page.flush()
            page.pending = prose(lines)
            continue
        if match := re.match(r"typedef struct (\w+) \{", item):
            page.end_block()
            page.heading(3, f"`{match[1]}`")
            page.flush()
            is_struct, indent = True, 4
        elif is_struct and item.startswith("}"):
            page.flush()
            is_struct, indent = False, 0
        elif not is_struct and GUARDS.match(item):
            continue
        elif item or page.block:
            if page.pending:
                page.flush()
            if item and "uint32_t reserved;" not in item:
                page.block.append(item[indent:])
    page.flush()
    return page.out


def main():
    lines = ["# The plugin interface", "",
             "Made by `scripts/peft_header.py` from [peft_plugin.h](../Sources/PluginAPI/C/include/peft_plugin.h)."]
    lines += reference(HEADER.read_text())
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        sys.exit("docs/Header.md is not what scripts/peft_header.py makes of the header: run it")


if __name__ == "__main__":
    main()
