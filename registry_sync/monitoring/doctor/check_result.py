"""What a check returns, and how checks are registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

CheckState = Literal["ok", "warning", "bad", "skipped"]
CLOCK_SECONDS = 60
"""By how much clocks may differ: more than a proxy's delay, less than what loses webhooks."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: what was found, and who must do what about it.

    `skipped` means that nothing could be checked; it says neither good nor bad. The check-up fills
    in `name`, which the check was registered by.
    """

    state: CheckState
    finding: str
    remedy: str = ""
    name: str = ""

    def stored(self) -> dict[str, Any]:
        """Return the result as the database keeps it (JSON)."""
        return asdict(self)


class Skipped(Exception):
    """This check cannot be made, for a reason that another check reports."""


AnyCheck = TypeVar("AnyCheck", bound=Callable[..., CheckResult])


def register(table: dict[str, AnyCheck], name: str) -> Callable[[AnyCheck], AnyCheck]:
    """Return a decorator that adds a check to a table under the name that people see.

    Checks are made in the order in which they are registered.
    """

    def add(check: AnyCheck) -> AnyCheck:
        table[name] = check
        return check

    return add


def ok(finding: str, remedy: str = "") -> CheckResult:
    """Return the result of a check that found no problem."""
    return CheckResult("ok", finding, remedy)


def warning(finding: str, remedy: str) -> CheckResult:
    """Return the result of a check that found a problem that stops nothing."""
    return CheckResult("warning", finding, remedy)


def bad(finding: str, remedy: str) -> CheckResult:
    """Return the result of a check that found why runs, or a part of the service, fail."""
    return CheckResult("bad", finding, remedy)


def skipped(finding: str, remedy: str = "") -> CheckResult:
    """Return the result of a check that could not be made, and why."""
    return CheckResult("skipped", finding, remedy)


def compare_clocks(whose: str, ahead: float) -> CheckResult:
    """Judge a clock that is `ahead` seconds ahead of the service's."""
    seconds = round(abs(ahead))
    if seconds <= CLOCK_SECONDS:
        return ok(f"{whose} clock and the service's differ by {seconds} s.")
    way = "ahead of" if ahead > 0 else "behind"
    return warning(
        f"{whose} clock is {seconds:,} s {way} the service's.",
        "The operator must synchronize this machine's clock (NTP). If it is synchronized, the "
        "other side's clock is wrong, and its owner must correct it.",
    )
