"""Words of refusals that are not about the key: of rates, addresses and maintenance. Pure."""

from __future__ import annotations

import re

from registry_sync.core.late_patterns import pattern

RATE = pattern(
    r"rate.?limit|throttl|too many requests|slow down|(?:request|usage|api) limit"
    r"|(?:daily|hourly|monthly).?limit"
    r"|quota.{0,20}(?:exceed|exhaust|reach)|(?:exceed|exhaust|reach|over|out of).{0,20}quota",
    re.IGNORECASE,
)
"""Words of a 403 that passes, although no header says when."""
PLACE, LIST = r"(?:\bips?\b|(?<!mail )address|network)", "(?:allow|white|block|deny).?list"
ADDRESS = pattern(
    rf"\bip.?(?:address|range)|\bips?\b\D{{0,40}}\d+\.\d|\bip not\b|source address|network zone"
    r"|\b(?:from|your|client|source|remote)(?: this| the)? ips?\b"
    rf"|{PLACE}.{{0,30}}{LIST}|{LIST}.{{0,30}}{PLACE}"
    r"|firewall|cloudflare|akamai|incapsula|sucuri|\bwaf\b|just a moment|request blocked"
    r"|reference(?:&#32;|\s)(?:#|&#35;)\d+(?:\.|&#46;)[0-9a-f]",
    re.IGNORECASE,
)
"""Words of a 403 that is about where a request comes from; IP may be intellectual property."""
CONTRACT = re.compile(
    r"\blicen[cs]e\b.{0,40}(?:expire|exceed|invalid|require)"
    r"|subscription.{0,40}(?:expire|inactive|suspend|cancel|require|does not|upgrade)"
    r"|\b(?:your|current|this) plan\b",
    re.IGNORECASE,
)
"""Words of a 403 that is about what the registry's owner has paid for."""
OF_A_KEY = pattern(
    r"(?:key|token|credentials?)\b.{0,30}(?:revoked|invalid|expired|unknown|wrong)"
    r"|(?:invalid|expired|revoked|unknown|wrong|renew).{0,30}(?:key|token|credential)",
    re.IGNORECASE,
)
"""Words of a 403 that is about the key, whatever else it is about."""
DOWN = re.compile(
    rb"(?i)maintenance|temporarily (?:unavailable|down|offline)|service unavailable|be right back"
    rb"|back (?:soon|shortly)|bad gateway|gateway time-?out|downtime"
)
"""Words of a page that stands in for a registry that is down."""
