"""Regular expressions in paths, bounded in time and in the length of the text.

Python's `re` takes exponential time for some expressions, such as `(a+)+$`. The `regex` module
reads the same expressions and can stop. https://pypi.org/project/regex/
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import regex
from jsonpath_ng import JSONPath
from jsonpath_ng.ext.filter import OPERATOR_MAP, Expression
from jsonpath_ng.ext.string import Sub

from registry_sync.core.problems import ConfigError
from registry_sync.source.answers.marks import as_sent

LONGEST = 100_000
"""Characters of a text that is searched."""
SECONDS = 0.5
"""Processor time that one text may take: `regex` counts it so."""


T = TypeVar("T")
PATIENCE = 5.0
"""Seconds of processor time that all texts together may take beyond a millisecond for each."""


class Pattern:
    """One regular expression. Raises ConfigError for a text, or many, that take too long."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._compiled = regex.compile(text)
        self._left = PATIENCE

    def matches(self, value: object) -> bool:
        """Return whether a text has a match anywhere; what is no text has none."""
        if not isinstance(value, str):
            return False
        return self._timed(value, lambda: self._compiled.search(value, timeout=SECONDS)) is not None

    def sub(self, replacement: str, value: str) -> str:
        """Return a text with each match replaced."""
        replaced = self._timed(
            value, lambda: self._compiled.sub(replacement, value, timeout=SECONDS)
        )
        return str(replaced)

    def _timed(self, value: str, search: Callable[[], T]) -> T:
        if len(value) > LONGEST:
            raise self._unusable(f"a value has {len(value):,} characters, more than {LONGEST:,}")
        began = time.thread_time()
        try:
            return search()
        except TimeoutError as error:
            text = f"it takes longer than {SECONDS:g} s on {as_sent(value, 50)}"
            raise self._unusable(text) from error
        finally:
            self._left += 0.001 - (time.thread_time() - began)
            if self._left < 0:
                self._left = PATIENCE  # for another preview, after the path was corrected
                raise self._unusable("it takes too long on many values")

    def _unusable(self, why: str) -> ConfigError:
        return ConfigError(
            f"The regular expression {self.text} in a path cannot be used: {why}.",
            remedy="The integration owner simplifies it in the app's configuration: most slow "
            "expressions repeat a group that repeats already, as (a+)+ does.",
            code="slow_pattern",
        )


@lru_cache(maxsize=256)
def pattern_of(text: str) -> Pattern:
    """Return a regular expression, compiled. Raise regex.error if it cannot be read."""
    return Pattern(text)


def pattern_fault(text: str) -> str:
    """Return what is wrong with a regular expression, "" for nothing."""
    try:
        pattern_of(text)
    except regex.error as error:
        return str(error)
    return ""


def bound_patterns(node: Any) -> None:
    """Bound every regular expression in a parsed path. Raise regex.error for a faulty one."""
    if isinstance(node, (list, tuple)):
        for item in node:
            bound_patterns(item)
    if not isinstance(node, JSONPath):
        return
    if isinstance(node, Expression) and node.op == "=~":
        pattern_of(str(node.value))
    if isinstance(node, Sub):
        vars(node)["regex"] = pattern_of(node.expr)
    for value in list(vars(node).values()):
        bound_patterns(value)


def _matches(value: object, text: object) -> bool:
    return pattern_of(str(text)).matches(value)


# The library searches with `re`; its table of operators is the only place to say otherwise.
OPERATOR_MAP["=~"] = _matches
