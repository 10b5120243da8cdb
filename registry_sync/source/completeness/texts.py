"""Texts for people that say that a list is not whole. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from registry_sync.core.late_patterns import pattern

TEXTS = frozenset({
    "message", "messages", "msg", "warning", "warnings", "notice", "notices", "note", "notes",
    "info", "hint", "comment", "alert", "alerts", "return",
})  # fmt: skip
"""Words of texts for people."""
OUTCOMES = frozenset({"status", "state", "result", "code", "resultcode", "resultstatus"})
FOLLOWED = pattern(
    r"(has|with)?[\s_-]*more([\s_-]*(data|results|records|pages|rows|items|available))?"
    r"|continue[sd]?|to[\s_-]be[\s_-]continued",
    re.IGNORECASE,
)
"""Outcomes of a page that others follow."""
LONGEST = 2000
"""Characters of a text that are read."""
WRITER = json.JSONEncoder(ensure_ascii=False, default=str)
CUT_SHORT = pattern(
    r"truncat|partial (?:results?|list|answer|response|content)|incomplete"
    r"|(?:limited|capped|cut|restricted) (?:to|at) (?:the )?(?:first |top )?\d"
    r"|only (?:the )?(?:first |top )?[\d,]+ (?:\w+ )?(?:\w+ )?(?:shown|returned|displayed|included)"
    r"|only (?:the )?(?:first|top) [\d,]+\b|first [\d,]+ of [\d,]+"
    r"|more (?:results|records|rows|items|data|entries) (?:exist|(?:are |is )?(?:available|remain))"
    r"|\b[1-9][\d,.]* (?:more|further|additional|other) (?:results|records|rows|items|entries)"
    r"|too many (?:results|records|rows|items|entries|hits|matches)"
    r"|(?<!rate )\blimit (?:was |is |has been )?reached"
    r"|(?:exceed\w*|reached) (?:the )?(?:\w+ )?(?:\w+ )?(?:limit|maximum|cap)\b"
    r"|\bnot all (?!(?:\w+ ){0,2}(?:fields|columns|properties|attributes|details)\b)(?:\w+ ){0,4}"
    r"(?:shown|displayed|returned|listed|included|loaded|transferred)\b"
    r"|\btrunca[dt]|\btronqu|\btroncat|\bafgekapt|\babgeschnitten|\bgekürzt"
    r"|\b(?:begrenzt|beschränkt|limitiert|limité\w*|limitad\w|limitat\w|beperkt)"
    r" (?:auf|à|aux?|a|tot) (?:\w+ )?(?:\w+ )?\d"
    r"|\bauf (?:die )?(?:ersten )?\d[\d.]* (?:\w+ )?(?:begrenzt|beschränkt|limitiert)",
    re.IGNORECASE,
)
MAY_BE_CUT = pattern(
    r"(?:results?|list|output|answer|response)(?: set)? "
    r"(?:(?:was|were|is|are|has been) )?limited\b(?! to (?:your|the project))"
    r"|us(?:e|ing) pag(?:ing|ination)"
    r"|\bto (?:see|get|fetch|load|show) (?:the )?(?:more|next|rest)\b"
    r"|first page|(?:refine|narrow) (?:down )?(?:your|the) (?:search|query|filter|criteria)"
    r"|max(?:imum|\.)? (?:number )?(?:of )?(?:\d+ )?(?:results|records|rows|items|hits|entries)"
    r"(?: \(?\d+\)?)? (?:was |were |has been |have been )?(?:returned|reached|exceeded|shown"
    r"|displayed)",
    re.IGNORECASE,
)
"""What a list may also say if all of it came: that there is a limit, and how to get less."""


def says_cut(value: Any) -> bool:
    """Return whether a text, or a list of texts or objects with some, says that parts are missing.

    `{"warning": "Result truncated to 500 rows"}`
    """
    return CUT_SHORT.search(_text(value)) is not None


def may_be_cut(value: Any) -> bool:
    """Return whether a text says what it may also say where nothing is missing."""
    return MAY_BE_CUT.search(_text(value)) is not None


def _text(value: Any) -> str:
    """Return the beginning of a value's text; the rest may be a whole page, and is not made."""
    text = value if isinstance(value, str) else ""
    for part in () if isinstance(value, str) else WRITER.iterencode(value):
        text += part
        if len(text) >= LONGEST:
            break
    return text[:LONGEST]
