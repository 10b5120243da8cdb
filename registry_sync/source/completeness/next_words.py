"""Words by which answers name their next page, or a token of it. Pure."""

from __future__ import annotations

import re

NEXT = re.compile(r"next(?!(?:sync|delta|run|update|refresh|release|poll|check|review|sched|due|"
                  r"step|date|time|action|id$|at$|maint|js|cloud|hop|gen|reset|inspect|meet|backup|"
                  r"serial|regist|(avail|free)[a-z]*(id|number|num|no|code|name)$|renew|expir|"
                  r"audit|deploy|version|(key|token)?rotat|auth|csrf|xsrf|nonce|"
                  r"session))")  # fmt: skip
"""A key about a next page; `nextSyncToken` and the like are about the next synchronization."""
OF_A_NEW_RECORD = re.compile(
    r"next(number|num|no|code|name|barcode|label|lot|lotnumber|lotno)"
    r"|next(sample|compound|lot|batch|plate|order|accession)(id|number|num|no|code|name|label)"
)
"""Keys of what the next new record will have, if it is no plain number: `CMP-0013`."""
NEXT_LAST = re.compile(
    r".*(page|results?|items?|records?|list|link|url|uri|href|cursor|token|offset|start|set)next"
    r"|continuation(page|link|url|uri|href)"
)
MORE_ADDRESS = re.compile(r"(load|fetch|get|see|show|view)?more([a-z]*)(url|uri|link|href)")
"""Other keys of an address: `linkNext`, `more_topics_url`."""
ONWARD = re.compile(
    r"(older|forwards?|onwards?|further|subsequent|remainder)"
    r"([a-z]*(url|uri|link|href|page|items|records|results|entries))?"
)
"""Keys of an address that may lead on; a list may also have its newest records first."""
MORE = re.compile(r"(load|fetch|get|show|view)?more")
MORE_LISTED = re.compile(
    r"more(ids|keys|items|records|results)?|(remaining|unread|next|further|other)(ids|keys)"
)
"""Keys of a list of what did not come."""
MORE_TOKEN = re.compile(r"(load|fetch|get)?more(token|cursor|key|marker)")
ABOUT = re.compile(r"info|detail|help|doc|about|read|learn|support|terms|news")
"""What a page for people is about: `moreInfoUrl`."""
TOKENS = frozenset({
    "pagetoken", "pagingtoken", "paginationtoken", "continuationtoken", "continuation",
    "continue", "resumptiontoken", "skiptoken", "querylocator", "lastevaluatedkey",
    "morerecordstoken", "pagingstate", "pagestate", "scrolltoken", "pagingcookie",
})  # fmt: skip
TOKEN_HEADER = re.compile(
    r"(?!.*(sign|rotat|crypt|keyset|backup|upgrade))"
    r".*(continuation|resumption|(sforce|query|results?|page)locator|paging(token|state|cookie)"
    r"|next(page|cursor|token|marker|partition|row|offset|key|set|link|url)).*"
)
"""Words of headers with a token or an address, whatever their vendor's prefix."""
OAI = re.compile(r"completelistsize|cursor|expirationdate")
"""Attributes of a `resumptionToken`, which the last page has as well: its token is its text.

https://www.openarchives.org/OAI/openarchivesprotocol.html#FlowControl
"""
MAYBE_TOKENS = frozenset({
    "cursor", "cursors", "after", "endcursor", "bookmark", "scrollid", "marker",
    "searchafter", "cursormark", "offset", "fetchxmlpagingcookie", "lastcursor",
})  # fmt: skip
"""Words that some servers also send with the last page."""
WITH_EACH = re.compile(r"_?scrollid|(next)?cursormark")
"""Words of tokens that come with each page, also where all came by the registry's total.

https://solr.apache.org/guide/solr/latest/query-guide/pagination-of-results.html
"""
RESUMES = re.compile(
    r"(resume(from|at)|continue(from|at|after)|checkpoint|start(ing)?after|(exclusive)?startkey"
    r"|seek(key|after|from)?|last(evaluated|seen|read|returned)?key|keyafter)"
    r"|resume(token|key|after)?"
)
"""Words of a place to go on from; the first group is also that of a later synchronization."""
