"""Text in Markdown: every value that enters a sentence of a canvas reads as itself.

Names such as `[4-(aminomethyl)phenyl](phenyl)methanone` are links to Markdown.
https://spec.commonmark.org/0.31.2/#backslash-escapes
"""

from __future__ import annotations

import re

SIGNS = re.compile(r"[\\`*_\[\]<>~|&]|(?<=[a-z]):(?=//)|(?<=www)\.|@", re.IGNORECASE)
"""What begins a link, an image, emphasis, code, HTML, an entity or a table anywhere in a line."""
START = re.compile(r"^(\d{1,9}(?=[.)])|(?=[-+=#:]))")
"""What begins a list, a heading or a rule at the start of a line."""


def escaped(text: str) -> str:
    """Return a text in one line, written so that Markdown shows it as it is."""
    line = SIGNS.sub(r"\\\g<0>", " ".join(text.replace("\x00", "").split()))
    return START.sub(r"\g<1>\\", line)


def plain_text(markdown: str) -> str:
    """Return a canvas's sentence as plain text: no bold, and its values as they were."""
    return re.sub(r"\\([!-/:-@\[-`{-~])|\*\*", lambda found: found[1] or "", markdown)
