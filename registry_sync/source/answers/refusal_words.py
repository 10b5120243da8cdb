"""Words of refusals that are not about the key: of rates, addresses and maintenance. Pure."""

from __future__ import annotations

import re

from registry_sync.core.late_patterns import pattern

RATE = pattern(
    r"rate.?limit|throttl|too many requests|slow down|(?:requests?|usage|api|calls?)[ _]limit"
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
BARRED = "(?:not (?:allowed|permitted|authori[sz]ed)|blocked|denied|forbidden)"
FROM_ADDRESS = pattern(
    rf"\bips?\b[^\"]{{0,40}}\b(?:{BARRED}|{LIST})"
    rf"|{BARRED} (?:from|for|by) [^\"]{{0,20}}\bips?\b|\bunauthori[sz]ed ips?\b",
    re.IGNORECASE,
)
"""Words of a 401 that is: they say so, as its answer may name the address for another reason."""
CONTRACT = pattern(
    r"\blicen[cs]es?\b.{0,40}(?:expire|exceed|invalid|require|non.compliant|available|does not)"
    r"|no (?:\w+ )?licen[cs]e"
    r"|subscription.{0,40}(?:expire|inactive|suspend|cancel|require|does not|upgrade)"
    r"|\b(?:your|current|this) plan\b",
    re.IGNORECASE,
)
"""Words of a 403 that is about what the registry's owner has paid for."""
OFF = pattern(
    r"\b(?:apis?(?! key)|service|server|site|web app|application|instance|project|system)\b"
    r"(?:(?!account|user|member).){0,60}\b(?:stopped|paused|hibernating"
    r"|(?:is|are|been) (?:disabled|suspended|deactivated)|not enabled"
    r"|not been (?:enabled|activated|used))",
    re.IGNORECASE,
)
"""Words of what is switched off, which no key changes; not of someone's account there."""
NO_KEY = pattern(
    r"\bno (?:valid )?(?:api.?|subscription.?)?key (?:was )?(?:found|provided|supplied|given|sent)"
    r"|missing.{0,20}\bkey\b|\bkey\b (?:is |was )?(?:missing|required|not (?:found|present|given))"
    r"|client id is not (?:present|provided)",
    re.IGNORECASE,
)
"""Words of a refusal that looked for a key elsewhere than where it is sent."""
BAD_KEY = pattern(
    r"api.?key\b.{0,20}(?:not valid|invalid|expired|revoked)|api_key_invalid"
    r"|(?:invalid|expired|revoked) (?:api.?key|access.?token|credentials)",
    re.IGNORECASE,
)
"""Words of a 400 that is about the key."""
WRONG_PATH = pattern(
    r'"missing authentication token"|^missing authentication token$', re.IGNORECASE
)
"""Amazon's API Gateway says so of a path or a method that it does not have.

https://repost.aws/knowledge-center/api-gateway-authentication-token-errors
"""
OUT_OF_ORDER = pattern(
    r"hibernat|\bfatal error\b|\buncaught\b|\w(?:exception|error)\b[^<]{0,200}\bat [\w$.]+\("
    r"|traceback \(most recent|\bora-\d{4,5}\b|sqlstate|stack ?trace|out of memory"
    r"|segmentation fault|unhandled exception|nullpointerexception|server error in '"
    r"|connection refused|database (?:error|unavailable|is down)",
    re.IGNORECASE,
)
"""Words of a service that broke down while it answered."""
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
