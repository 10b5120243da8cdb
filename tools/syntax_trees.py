"""The syntax trees of this repository's modules, each parsed once in a process."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a module, which all callers share: change nothing in it."""
    looks_for_garbage = gc.isenabled()
    gc.disable()  # no node is garbage, so that looking for it takes longer than to parse
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        if looks_for_garbage:
            gc.enable()
