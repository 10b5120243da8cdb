"""Formats of dates and times in strptime's codes, as settings name them.

https://docs.python.org/3/library/datetime.html#format-codes
"""

from __future__ import annotations

import re
from collections.abc import Callable
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
DERIVED = frozenset("aAcwujUWV")
"""Codes of a weekday, a week or a day of the year. strptime reads them, and believes the rest."""
AHEAD = 20
"""Years from now up to which a year of two digits is certain. Systems disagree about later ones."""
CERTAIN = (
    "%Y%m%d%H%M%S%z", "%Y%m%d%H%M%S.%f%z", "%Y%m%d%H%M%S", "%Y%m%d%H%M%S.%f", "%Y%m%d%H%M",
    "%Y%m%d", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S.%f %z",
    "%a, %d %b %Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S GMT", "%a %b %d %H:%M:%S %z %Y",
    "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%d-%b-%Y", "%d-%b-%Y %H:%M:%S", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
)  # fmt: skip
"""Formats whose reading is certain: a text that one of them reads has no other meaning."""
TRIAL = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


class Untrue(ValueError):
    """A text that is in a format, and yet names no certain time; the reason completes "it …"."""


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
        self._codes = frozenset(codes)
        mark = re.search(r"([^\d%])%f", form)
        self._finer = re.compile(rf"({re.escape(mark[1])}\d{{6}})\d{{1,6}}(?!\d)") if mark else None
        self.has_time = not {"c", "X", "z", *"HIMSf"}.isdisjoint(codes)
        """Whether it gives a time of day or an offset."""

    def read(self, text: str) -> datetime:
        """Return what a text says. Raise ValueError if it is not in this format.

        Where numbers follow each other without a sign between them, each needs all its digits.
        Digits beyond the microsecond are cut. Raise Untrue for a weekday or a day of the year
        that the date does not have, and for two digits that may be a year of another century.
        """
        if self._finer is not None:
            text = self._finer.sub(r"\1", text)
        if self._widths is not None and not self._widths.fullmatch(text):
            raise ValueError(f"“{text}” does not have the digits of {self._form}")
        when = datetime.strptime(text, self._form)
        if not DERIVED.isdisjoint(self._codes) and not self._says(text, when):
            raise Untrue(f"names a day that the calendar does not have ({when:%A, %d %B %Y})")
        if not self._codes.isdisjoint("yx") and when.year > datetime.now(UTC).year + AHEAD:
            years = f"{when.year - 100} or {when.year}"
            raise Untrue(f"has a year of two digits, which may be {years}")
        return when

    def _says(self, text: str, when: datetime) -> bool:
        """Return whether a text has the weekday, the week and the day of the year of its date."""

        def said(code: str) -> str:
            word = when.strftime(f"%{code}") if code in DERIVED else ""
            return rf"0*{int(word)}" if word.isdigit() else _literal(word) if word else r".+?"

        return _pattern(self._form, said).fullmatch(text) is not None


@lru_cache(maxsize=64)
def date_format(form: str) -> DateFormat:
    """Return a format, ready to read by. Raise ValueError with the reason."""
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
    for code, (companions, words) in NEEDS.items():
        if code in codes and codes.isdisjoint(companions):
            raise ValueError(f"%{code} needs {words}")


def _fixed_widths(form: str) -> re.Pattern[str] | None:
    """Return a pattern of texts with all digits; None where no two numbers touch."""
    numeric = "".join(WIDTHS)
    if not re.search(rf"%[{numeric}]%[{numeric}f]", form):
        return None
    return _pattern(form, lambda code: rf"\d{{{WIDTHS[code]}}}" if code in WIDTHS else r".+?")


def _pattern(form: str, of_code: Callable[[str], str]) -> re.Pattern[str]:
    """Return a pattern of texts in a format, given the pattern of each code."""
    parts = re.findall(r"%(.)|([^%]+)", form, re.DOTALL)
    texts = (_literal(text) if text else "%" if code == "%" else of_code(code)
             for code, text in parts)  # fmt: skip
    return re.compile("".join(texts), re.DOTALL | re.IGNORECASE)


def _literal(text: str) -> str:
    """Return a pattern of what stands between codes; strptime takes any blanks for a blank."""
    return re.sub(r"(?:\\\s|\s)+", r"\\s*", re.escape(text))
