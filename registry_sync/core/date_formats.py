"""Formats of dates and times in strptime's codes, as settings name them.

https://docs.python.org/3/library/datetime.html#format-codes
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

WIDTHS = {"Y": 4, "G": 4, "j": 3, "V": 2, "U": 2, "W": 2, "u": 1, "w": 1,
          **dict.fromkeys("mdyHIMS", 2)}  # fmt: skip
"""Digits of each numeric code."""
KNOWN = frozenset({*WIDTHS, *"aAbBfzZcxXp%"})
PARTS = {"year": "YyG", "month": "mbB", "hour": "HI", "weekday": "aAwu", "week": "UWV"}
"""Codes of which a format has at most one."""
WHOLE = {"c": frozenset("YmdHMS"), "x": frozenset("Ymd"), "X": frozenset("HMS")}
"""Codes that stand for others."""
NEEDS = {"M": ("HI", "an hour (%H)"), "S": ("M", "a minute (%M)"), "f": ("S", "a second (%S)"),
         "I": ("p", "AM or PM (%p); for 24 hours write %H"),
         "p": ("I", "an hour from 1 to 12 (%I)")}  # fmt: skip
"""What a code makes no sense without: codes, and how to say it."""
TRIAL = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


class DateFormat:
    """A format that gives every part of a date exactly once. Raises ValueError with the reason."""

    def __init__(self, form: str) -> None:
        codes = re.findall(r"%(.?)", form, re.DOTALL)
        _check(codes)
        _check_parts({*codes, *(part for code in codes for part in WHOLE.get(code, ()))})
        try:
            datetime.strptime(TRIAL.strftime(form), form)
        except (ValueError, re.error):
            raise ValueError("its codes do not fit together") from None
        self._form = form
        self._widths = _fixed_widths(form)
        self.has_time = not {"c", "X", "z", *"HIMSf"}.isdisjoint(codes)
        """Whether it gives a time of day or an offset."""

    def read(self, text: str) -> datetime:
        """Return what a text says. Raises ValueError if it is not in this format.

        Where numbers follow each other without a sign between them, each needs all its digits.
        """
        if self._widths is not None and not self._widths.fullmatch(text):
            raise ValueError(f"{text!r} does not have the digits of {self._form}")
        return datetime.strptime(text, self._form)


@lru_cache(maxsize=64)
def date_format(form: str) -> DateFormat:
    """Return a format, ready to read by. Raises ValueError with the reason."""
    return DateFormat(form)


def _check(codes: list[str]) -> None:
    for code in codes:
        if not code.strip():
            raise ValueError("a % must be followed by a code; write %% for a percent sign")
        if code in ("s", "Q"):
            raise ValueError(f"%{code} is not a code; for seconds since 1970 write epoch, for "
                             "milliseconds epoch_ms")  # fmt: skip
        if code not in KNOWN:
            raise ValueError(f"%{code} is not a code")
        if code == "Z":
            raise ValueError("%Z cannot be used, because names of time zones are ambiguous; write "
                             "the name as plain text, and set `timezone`")  # fmt: skip
        if code != "%" and codes.count(code) > 1:
            raise ValueError(f"it has %{code} twice")


def _check_parts(codes: set[str]) -> None:
    for part, alternatives in PARTS.items():
        if len(found := sorted(codes.intersection(alternatives))) > 1:
            raise ValueError(f"it has the {part} twice (%{' and %'.join(found)})")
    if codes.isdisjoint("YyG"):
        raise ValueError("it needs a year (%Y)")
    by_week = not codes.isdisjoint("UWV") and not codes.isdisjoint("aAwu")
    if "j" not in codes and not by_week:
        if codes.isdisjoint("mbB"):
            raise ValueError("it needs a month (%m)")
        if "d" not in codes:
            raise ValueError("it needs a day (%d)")
    for code, (wanted, words) in NEEDS.items():
        if code in codes and codes.isdisjoint(wanted):
            raise ValueError(f"%{code} needs {words}")


def _fixed_widths(form: str) -> re.Pattern[str] | None:
    """Return a pattern of texts with all digits; None where no two numbers touch."""
    numeric = "".join(WIDTHS)
    if not re.search(rf"%[{numeric}]%[{numeric}f]", form):
        return None
    pattern = ""
    for code, literal in re.findall(r"%(.)|([^%]+)", form, re.DOTALL):
        if code in WIDTHS:
            pattern += rf"\d{{{WIDTHS[code]}}}"
        elif code:
            pattern += r"%" if code == "%" else r".+?"
        else:
            pattern += re.sub(r"(?:\\\s|\s)+", r"\\s*", re.escape(literal))
    return re.compile(pattern, re.DOTALL | re.IGNORECASE)
