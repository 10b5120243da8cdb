"""Regular expressions that are compiled at their first use.

Most of those for what registries may answer are not used by most runs; to compile all of them takes
30 ms of the start of each command.
"""

from __future__ import annotations

import re
from typing import Any, cast

METHODS = ("findall", "finditer", "fullmatch", "match", "search", "split", "sub")


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return what `re.compile` returns for the same text, but compile it when it is first used."""
    return cast("re.Pattern[str]", LatePattern(text, flags))


class LatePattern:
    """Stands for a compiled expression, and has its methods from the first use on."""

    def __init__(self, text: str, flags: int) -> None:
        self._given = (text, flags)

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(*self._given)
        vars(self).update({method: getattr(compiled, method) for method in METHODS})
        return getattr(compiled, name)
