"""Who passes of the records that wait for each other, once every record was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def pass_along(
    waiting: Iterable[str],
    may_pass: Callable[[str], bool],
    let_pass: Callable[[str], Iterable[str]],
) -> list[str]:
    """Let each record pass that may, then at once those that wait for what it gives up or brings.

    So a chain of them takes one round, whatever their order. `let_pass` returns whom to look at
    next. Records are named by their external ids; those that passed are returned in their order.
    """
    passed: dict[str, None] = {}
    for external_id in waiting:
        following = [external_id]
        while following:
            current = following.pop()
            if current not in passed and may_pass(current):
                passed[current] = None
                following += let_pass(current)
    return list(passed)
