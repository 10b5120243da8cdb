"""What stands where errors do if there is none, and the texts of a value. Pure."""

from __future__ import annotations

import re
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.core.secrets import is_secret, shortened

LONGEST = 500
"""Characters of a text that are read."""
FINE = pattern(r"(?:s|ok|success)?[\s_-]*0*|20\d|ok|success|none|null|no[\s_-]?error|false|n/?a|-*")
"""What stands where errors do if there is none, in small letters."""
GOOD = pattern(r"(?!.*\b(?:not|no|without|part\w*)\b).*\b(?:ok|success(?:ful(?:ly)?)?)\b.*")
"""Words of success where an error would stand."""
NOT_ONE = pattern(
    r"\b(?:no|0|zero|without)\s+(?:\w+\s+)?(?:errors?|failures?|failed|exceptions?|expired\s+\w+"
    r"|time-?outs?)\b",
    re.IGNORECASE,
)
NOTHING_NEW = pattern(
    r"\b(?:no (?:new|more|further|other|changes?|updates?|data|content)|nothing|up[ -]to[ -]date"
    r"|unchanged|not modified|empty|end of|out of range|past the|beyond|last page|success\w*|done"
    r"|complete[d]?|ok|found 0|0 (?:found|results?|records?|items?|rows?))\b",
    re.IGNORECASE,
)
"""Words of an answer that is empty, and of one that is past the end."""


def is_fine(text: str) -> bool:
    """Return whether a text says that nothing failed, or nothing is new."""
    return NOTHING_NEW.search(text) is not None or FINE.fullmatch(in_small(text)) is not None


def is_fine_code(value: Any) -> bool:
    """Return whether a code says that nothing failed; a blank one says nothing."""
    text = "" if value is None else in_small(value).strip("-_ ")
    return bool(text) and FINE.fullmatch(text) is not None


def is_none(value: Any) -> bool:
    """Return whether what stands where errors do is none."""
    if isinstance(value, (dict, list)):
        return all(map(is_none, value.values() if isinstance(value, dict) else value))
    return not value or FINE.fullmatch(in_small(value)) is not None


def in_small(value: Any) -> str:
    """Return the text of a value in small letters."""
    return str(value).strip(" .!\t\r\n").lower()


def texts_in(value: Any) -> list[str]:
    """Return the texts of a value: itself, those of its items, or the first of an object."""
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    if isinstance(value, dict):
        inner = [shortened(item, LONGEST) for item in value.values() if isinstance(item, str)]
        return inner[:1]
    return [shortened(str(value), LONGEST)] if value not in (None, "", False) else []


def plain_words(body: Any) -> str:
    """Return a text, or the texts and numbers of an object that has nothing else; else ""."""
    if isinstance(body, str):
        return body
    if not isinstance(body, dict) or any(isinstance(each, (dict, list)) for each in body.values()):
        return ""
    filled = {key: value for key, value in body.items() if value not in (None, "")}
    return "; ".join(f"{key}: {filled[key]}" for key in filled if not is_secret(key, filled[key]))
