"""What is on the way of a path: `a` and `a.b` of `a.b.c`, `categ_id` of `categ_id[1]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from registry_sync.source.paths import ABSENT, QUOTED, SIMPLE, compile_path, parse_steps

if TYPE_CHECKING:
    from jsonpath_ng import JSONPath

LAST_STEP = re.compile(r"""\.?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^."'\[\]]+|\[[^\[\]]*\])\Z""")


def parent_path(path: str) -> str:
    """Return a path without its last step, a quoted key with dots included; "" at the top."""
    parent = LAST_STEP.sub("", path)
    return "" if parent == path else parent


@lru_cache(maxsize=1024)
def compile_parents(text: str) -> Callable[[Any], Iterator[Any]]:
    """Return a function from a record to the values on the way of a path, itself left out.

    Raise PathError.
    """
    text = text.strip().removeprefix("$.")
    if text in ("", "$", "@") or QUOTED.fullmatch(text):
        return lambda record: iter(())
    if SIMPLE.fullmatch(text):
        keys = text.split(".")
        before = [compile_path(".".join(keys[:end])) for end in range(1, len(keys))]
        return lambda record: (v for get in before if (v := get(record)) is not ABSENT)
    nodes = list(_before(parse_steps(text)))
    return lambda record: (match.value for node in nodes for match in node.find(record))


def _before(node: JSONPath) -> Iterator[JSONPath]:
    from jsonpath_ng import Child

    while isinstance(node, Child):
        node = node.left
        yield node
