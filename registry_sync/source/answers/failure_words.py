"""Words by which a success says that it failed, or that its list is not made yet. Pure."""

from __future__ import annotations

import re

from registry_sync.core.late_patterns import pattern

WELL = frozenset({
    "success", "ok", "succeeded", "successful", "successfully", "issuccess", "issuccessful",
    "wassuccessful", "isok", "authenticated", "isauthenticated", "authorized", "isauthorized",
    "loggedin", "isloggedin",
})  # fmt: skip
"""Words of flags that are true where all went well."""
ILL = frozenset({
    "haserror", "haserrors", "iserror", "isfailed", "failed", "timeout", "timedout", "istimeout",
    "loginrequired", "requireslogin", "authenticationrequired", "isexpired", "sessionexpired",
    "maintenance", "maintenancemode", "undermaintenance", "offline", "isoffline",
    "throttled", "isthrottled", "wasthrottled", "ratelimited", "isratelimited", "ratelimitexceeded",
    "ratelimitreached", "quotaexceeded", "quotareached", "overquota", "aborted", "isaborted",
    "wasaborted", "interrupted", "isinterrupted", "wasinterrupted", "errored", "erroroccurred",
    "hasfailed", "hasfailure", "hasfailures", "isfailure", "hasfault", "isfaulted", "crashed",
    "accessdenied", "isdenied", "isunauthorized", "isforbidden", "isdown", "isunavailable",
    "serviceunavailable", "tokenexpired",
})  # fmt: skip
"""Words of flags that are true where something failed."""
COUNTS = frozenset({"failed", "failures", "errors"})
"""Words of numbers beside which a flag of 0 is a number, too."""
COUNTED = COUNTS | {"timeout", "aborted", "interrupted", "throttled", "errored", "crashed"}
"""Words for which 1 may be a number as well as a flag."""
OUTCOMES = frozenset({
    "status", "state", "stat", "result", "outcome", "ack", "returnstatus", "responsestatus",
    "resultstatus", "requeststatus", "querystatus", "rsp",
})  # fmt: skip
"""Words of texts such as “OK” and “KO”."""
BESIDE = frozenset({"status", "stat", "result"})
"""Those of them that also count beside records."""
BAD = pattern(
    r"(?:.*[\s_-])?(?:err(?:or)?s?|fail(?:ed|ure|s)?|ko|nok|not[\s_-]?ok|exception|fault|denied"
    r"|unauthori[sz]ed|forbidden|time(?:d[\s_-]?)?out|unavailable)(?:[\s_:,.-].*)?"
    r"|[45]\d\d(?:\s.*)?"
)
WAITING = pattern(
    r"pending|processing|queued|running|in[\s_-]?progress|accepted|started|submitted|preparing|wait"
    r"(?:ing)?|initiali[sz]ing|generating"
)
"""Outcomes of a request that has no answer yet."""
UNREADY = pattern(
    r"pending|processing|queued|in[\s_-]?progress|preparing|generating|loading|initiali[sz]ing"
    r"|warming(?:[\s_-]up)?|(?:re-?)?(?:building|indexing)|not[\s_-]?ready|incomplete"
    r"|(?:(?:service|system|server|database|db|api|registry|backend|currently|temporarily|is)"
    r"[\s_-])?(?:down|offline|busy|unhealthy|unreachable|disconnected|stopping|(?:re)?starting"
    r"|shutting[\s_-]?down|overload(?:ed)?|crashed|broken|degraded|reloading|refreshing"
    r"|sync(?:hroni[sz])?ing)|outage|out[\s_-]of[\s_-](?:service|order)"
    r"|(?:(?:under|in|down[\s_-]for)[\s_-])?maintenance(?:[\s_-]mode)?|abort(?:ed)?|interrupted"
    r"|throttl(?:ed|ing)|over[\s_-]?quota|(?:rate|quota|requests?)[\s_-]?(?:limit)?[\s_-]?"
    r"(?:ed|exceeded|reached|hit)|(?:please[\s_-])?(?:wait|retry|try[\s_-]?again)|fatal|critical"
    r"|panic"
)
"""Outcomes beside an empty list that is no answer, or none yet."""
UNREADY_FLAGS = pattern(
    r"(?:is|was|has[\s_-]?been)?(?:locked|(?:re)?loading|busy|overload(?:ed)?|pending|processing"
    r"|queued|inprogress|(?:re)?(?:building|indexing|starting)|initiali[sz]ing|preparing|generating"
    r"|refreshing|sync(?:hroni[sz])?ing|warmingup|waiting|stale|suspended|blocked|denied|down"
    r"|disconnected|unavailable|unreachable|unhealthy|unauthori[sz]ed|unauthenticated|forbidden"
    r"|expired|invalid|broken|faulty|disabled|stopped|shuttingdown|terminated|cancell?ed|refused"
    r"|not(?:ready|available|authori[sz]ed|authenticated|valid|loaded|reachable|responding))"
    r"|outage|downtime|(?:please|must|should)?(?:wait|retry|tryagain)|retryable|canretry"
    r"|(?:permission|access|authori[sz]ation|authentication|request|query|connection|upstream)"
    r"(?:denied|failed|failure|error|required|revoked|rejected|expired|lost|refused|cancell?ed)"
)
"""Words of flags that are true beside an empty list that is no answer, or none yet."""
READY_FLAGS = pattern(
    r"(?:is|was|all)?(?:valid|ready|loaded|available|online|healthy|alive|reachable|connected"
    r"|operational|responding|permitted|allowed|granted|accessgranted|accessible|signedin|up"
    r"|accepted|processed|fetched|retrieved|validated|synced|uptodate|initiali[sz]ed|fresh)"
    r"|(?:job|query|search|export|request|statement|execution)(?:is)?(?:completed?|done|finished|ready)"
)
"""Words of flags that are false there."""
OF_SERVICES = pattern(
    r"(?:.*(?:health|availability|service|system|server|database|db|backend|upstream|store|index"
    r"|cluster|gateway|connection|circuit|breaker|job|task|import|export|sync))(?:status|state)?"
    r"|mode|condition"
)
"""Words of what an answer may say of a service behind it, or of a job."""
PROGRESS = pattern(r"(?:progress|percent(?:age)?|pct)(?:complete[d]?|done|loaded|ready)?")
"""Words of how much of a hundred is done."""
HELD_UP = pattern(
    r"(?:under|in|current)?maintenance(?:mode|window)?|outage|downtime|(?:is)?locked(?:by)?"
    r"|(?:is)?(?:throttled|blocked|suspended)(?:by)?|abort(?:ed|reason)|interrupted"
)
"""Words of texts that say how, and how long, a registry is held up."""
PLANNED = pattern(
    r"\b(?:planned|scheduled|upcoming|next|will|every|weekly|monthly|daily|unlocked|none|never)\b"
    r"|^\W*(?:no|not|without)\b"
    r"|\b(?:mon|tue|wed|thu|fri|sat|sun)(?:\w*day)?s?\b|^[\d: ]+[-–][\d: ]+$"
)
"""Words of what is to come only, or of nothing."""
RETRIED = pattern(
    r"(?:retry|tryagain|wait|back-?off)(?:after|in|at|for|delay|seconds|secs|ms|millis(?:econds)?"
    r"|time)+|eta|ready(?:in|at)"
)
"""Words of when a request is to be sent again."""
CODES = frozenset({
    "code", "status", "statuscode", "httpstatus", "httpcode", "httpstatuscode", "responsecode",
    "resultcode", "returncode", "retcode", "ret", "rc", "rescode",
})  # fmt: skip
"""Words of numbers, of which some mean a failure."""
PROBLEMS = pattern(r"problems?|faults")
"""Words of what only a failure has, where there are no records."""
ERROR = pattern(
    r"err(?:or)?s?(?:code|no|num|number|messages?|msg|desc(?:ription)?|text|type|info|details?"
    r"|string|reason|name)?|exception(?:message|type|name|class|text)?|fault(?:string|code|message)?"
)
"""Words of what only a failure has."""
CODE_OF_ERROR = pattern(r"err(?:or)?s?(?:code|no|num|number)")
MESSAGES = frozenset({
    "message", "messages", "msg", "detail", "details", "reason", "statusmessage", "statustext",
    "resultmessage", "responsemessage", "returnmessage", "returnmsg", "retmsg", "resultmsg",
})  # fmt: skip
NOTES = MESSAGES | {"notice", "warning", "info", "hint"}
"""Words of texts for people. Of a notice beside an empty list, nothing follows."""
LEADS = frozenset({"redirect", "redirectto", "redirecturl", "loginurl", "signinurl", "login"})
"""Words of where people go to sign in."""
LOGIN_PAGE = pattern(
    r"(?:^|[/._-])(?:log-?_?in|log-?on|sign-?_?in|sign-?on|sso|saml2?|adfs|oauth2?|authorize"
    r"|authenticate|idp|openid)(?:[/._?-]|$)",
    re.IGNORECASE,
)
"""Parts of addresses where people sign in."""
ABOUT = frozenset({
    *CODES, *OUTCOMES, *WELL, *ILL, "timestamp", "time", "date", "path", "type", "title", "text",
    "description", "instance", "requestid", "traceid", "correlationid", "transactionid", "method",
    "url", "help", "version", "documentationurl", "moreinfo", "server", "host", "id",
})  # fmt: skip
"""Words of what an answer says about the request."""
ENVELOPES = frozenset({
    "meta", "metadata", "header", "responseheader", "response", "result", "status", "info", "head",
    "data",
})  # fmt: skip
"""Words of objects in which some answers say how it went."""
OF_ACCESS = (
    r"(?:access|api|auth|bearer|refresh|security)?[\s_-]?(?:token|session|key|password|licen[cs]e"
    r"|signature|ticket|credentials?|certificate|account|subscription|login|page|cookie|cursor)"
)
TROUBLE = pattern(
    r"denied|unauthori[sz]ed|not authori[sz]ed|forbidden|exception\b|\bfail(?:ed|ure|s)?\b"
    rf"|{OF_ACCESS}(?: \w+)? expired|expired {OF_ACCESS}|invalid {OF_ACCESS}"
    rf"|{OF_ACCESS}(?: is| was)? (?:invalid|not|missing|revoked|required)|suspended|locked out"
    r"|internal (?:server )?error|errors? (?:has |have )?(?:occurred|while|during)|\ban error"
    r"|^error\b|time(?:d[ -]?|-)?\s?out|unavailable|overload|too (?:busy|many)|try again"
    r"|(?:down for|under|in) (?:\w+ )?maintenance|maintenance (?:mode|in progress)"
    r"|(?:quota|limit)\w* (?:\w+ )*(?:exceed|reach|violat|hit)|exceed\w* (?:\w+ )*(?:quota|limit)"
    r"|throttled|unreachable|not respond|went wrong|unexpected(?:ly)? |not (?:logged|signed) in"
    r"|(?:please|must|need to|required to) (?:re-?)?(?:log|sign|authenticate)"
    r"|(?:log|sign)[ -]?in (?:is )?required|authentication (?:\w+ )*(?:required|credentials|fail)"
    r"|(?:no|lacks?|insufficient|missing|without|requires?) (?:\w+ )?permissions?\b"
    r"|connection (?:\w+ )*(?:lost|refused|reset|closed)",
    re.IGNORECASE,
)
"""Words of a failure wherever they stand."""
