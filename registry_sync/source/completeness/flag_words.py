"""Words of flags by which answers say whether there is more. Pure."""

from __future__ import annotations

import re
from typing import Any

from registry_sync.source.completeness.said_values import PLAIN

FLAGS = re.compile(
    r"(has|is|are|there|get|with)?(more|additional|next|further|following)(items|results|records|"
    r"rows|pages?|data|entries|objects|available|exists?|hits|todo|toload|remaining|tofetch)*|"
    r"(is|was|results?|list|data|has|rows?|records?|items?|output|response|answer|set)*"
    r"(truncated|incomplete|cutoff|limited)(results|list|data)?|"
    r"incompleteresults|limitapplied|(is|has)?subset|moretocome|hasremaining|"
    r"exceeded(transfer)?limit|partial(results?)?|continue[sd]|"
    r"(can|should)?(load|fetch|show)more|overflow(ed)?|capped|"
    r"(is|was|has|results?|set|rows?|records?|items?|list|fetch|size|count|output)*"
    r"(limit|max(imum)?(results|records|rows|items)?)(was|is)?(reached|exceeded|hit)|"
    r"(over|above)limit|"
    r"(reached|exceeded|hit)(the)?(max(imum)?)?(limit|results|records|rows)|toomany(results|"
    r"records|rows|items|matches|hits)?|notall(results|records|items|rows)?(shown|returned|"
    r"included|loaded)?|(has)?(omitted|hidden)(results|records|items|rows)"
)
INVERTED = re.compile(
    r"(is|on|at|was)?(the)?(last|final)(page|batch|chunk|one|record|row)?(reached)?|"
    r"(is|all)?(done|exhausted)|no(more)"
    r"(pages|results|items|records|data)?|endof(list|results|records|data|file|pages|stream)|"
    r"(is|at|reached|has)(the)?end(reached)?|eof|reachedend|endreached|(all|fully)loaded|end|"
    r"(is|has|list|results?)?(complete|completed|finished)|"
    r"(has|is|are|were)?all(results|records|items|rows|data)?(were|was|are|is)?"
    r"(shown|returned|included|loaded|fetched|delivered|sent|listed|received)"
    r"|(has|is)?all(results|records|items|rows)|hasall"
)
COUNTED = re.compile(r"incomplete|partial|limited|additional|remaining|truncated")
"""Words of flags that also count records of some kind."""
WEAK_FLAGS = re.compile(
    r".*(complete|completed|finished|partial.*|limited|applied|subset)|exhausted|remaining|left|"
    r"capped|omitted|overlimit|abovelimit|(has)?(omitted|hidden).*|(has|is)?all.*|notall.*|"
    r"toomany.*|reached.*|(can|should)?showmore|fullyloaded"
)
"""Flags that may be about something else, such as a job."""
OF_WHO_ASKS = re.compile(r"limitapplied|(is|has)?subset")
"""Flags that may be about what the key may see: a total that is reached outweighs them."""
REMAINING = re.compile(
    r"(items?|records?|results?|rows|objects|hits|pages)?(remaining|left|omitted|notshown"
    r"|notreturned|unreturned|truncated)(items?|records?|results?|rows|objects|hits|pages)?(count)?"
)
"""How many records are left."""
MORE_COUNTED = re.compile(
    r"(has|there(are|is))?more(records|rows|items|results|entries|objects|hits|pages)?(count)?"
)
"""Flags that some servers use for the number of records that follow."""
OF_A_LIST = re.compile(
    r"page|list|results|records|rows|endof|batch|chunk|reached|complete|finished|done|exhausted"
    r"|eof|loaded|nomore|hasall"
)
"""Parts of flags for which an initial (`N`) is an answer; `last` may be that of a name."""
NEVER_COUNTS = re.compile(r"eof|endof.*|.*reached|reachedend|.*loaded|nomore.*|hasall.*")
"""Flags for which a number is an answer: it can be no count, and no page."""


def is_said(value: Any, word: str) -> bool:
    """Return whether a value is true or false in so many words.

    A number or an initial is, where the word can hardly be about anything else.
    """
    if word.startswith("is") or isinstance(value, bool):
        return True
    if isinstance(value, str) and not value.strip().isdecimal():
        return value.strip().lower() in PLAIN or bool(OF_A_LIST.search(word))
    return bool(NEVER_COUNTS.fullmatch(word))
