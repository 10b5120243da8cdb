"""Whether a success without records says that it failed, or has nothing but words. Pure.

An empty list that comes with the words of a failure is none: its changes would be passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.core.secrets import shortened
from registry_sync.core.types import Json
from registry_sync.source.answers.nothing_found import says_nothing_found
from registry_sync.source.answers.page_answer import word_of

LONGEST = 500
"""Characters of a text that are read."""
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
})  # fmt: skip
"""Words of flags that are true where something failed."""
COUNTS = frozenset({"failed", "failures", "errors"})
"""Words of numbers beside which a flag of 0 is a number, too."""
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
)
"""Outcomes beside an empty list that is no answer yet."""
CODES = frozenset({
    "code", "status", "statuscode", "httpstatus", "httpcode", "httpstatuscode", "responsecode",
    "resultcode", "returncode", "retcode", "ret", "rc", "rescode",
})  # fmt: skip
"""Words of numbers, of which some mean a failure."""
ERROR = pattern(
    r"err(?:or)?s?(?:code|no|num|number|messages?|msg|desc(?:ription)?|text|type|info|details?"
    r"|string|reason|name)?|exception(?:message|type|name|class|text)?|fault(?:string|code|message)?"
)
"""Words of what only a failure has."""
CODE_OF_ERROR = pattern(r"err(?:or)?s?(?:code|no|num|number)")
FINE = pattern(r"(?:s|ok|success)?[\s_-]*0*|20\d|ok|success|none|null|no[\s_-]?error|false|n/?a|-*")
"""Values of these that mean none, in small letters."""
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
NOT_ONE = pattern(
    r"\b(?:no|0|zero|without)\s+(?:\w+\s+)?(?:errors?|failures?|failed|exceptions?|expired\s+\w+"
    r"|time-?outs?)\b",
    re.IGNORECASE,
)
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
NOTHING_NEW = pattern(
    r"\b(?:no (?:new|more|further|other|changes?|updates?|data|content)|nothing|up[ -]to[ -]date"
    r"|unchanged|not modified|empty|end of|out of range|past the|beyond|last page|success\w*|done"
    r"|complete[d]?|ok|found 0|0 (?:found|results?|records?|items?|rows?))\b",
    re.IGNORECASE,
)
"""Words of an answer that is empty, and of one that is past the end."""


def failure_in(body: Any) -> str:
    """Return what an answer without records says of its failure; "" if it says of none."""
    if isinstance(body, list):  # of Salesforce: [{"errorCode": "INVALID_SESSION_ID", …}]
        message = "; ".join(map(failure_in, body)) if all(map(failure_in, body)) else ""
    elif isinstance(body, dict):
        message = next((message for part in _parts(body) if (message := _failure(part))), "")
    else:
        message = ""
    if message and not TROUBLE.search(message) and says_nothing_found(message):
        return ""
    return message


def failure_beside(body: Json) -> str:
    """Return the flag by which an answer with records says that it failed; "" if none does."""
    words = {word_of(str(key)): value for key, value in body.items()}
    if fault := _fault_beside(words):
        return fault
    flags = {key: value for key, value in body.items() if word_of(str(key)) in WELL | ILL | BESIDE}
    counts = {word: words[word] for word in words.keys() & COUNTS}
    if not _says_so({**{word_of(str(key)): value for key, value in flags.items()}, **counts}, []):
        return ""
    return "; ".join(_texts([words[word] for word in words if word in MESSAGES])) or _whole(flags)


def _fault_beside(words: Json) -> str:
    """Return the words of an error beside records; "" if a code or a flag says that all is well."""
    own = [
        text
        for word, value in words.items()
        if ERROR.fullmatch(word) and word not in ("error", "errors") and not _is_blank(value)
        for text in _texts(value)
        if not NOT_ONE.search(text) and not _is_fine(text)
    ]
    coded = (value for word, value in words.items() if word in CODES or CODE_OF_ERROR.match(word))
    well = any(_small(words[word]) in ("true", "1", "yes", "ok") for word in words.keys() & WELL)
    if well or any(value is not None and FINE.fullmatch(_small(value)) for value in coded):
        return ""
    return "; ".join(dict.fromkeys(own))


def only_words(body: Any) -> str:
    """Return the words of an answer that has nothing else, unless they are those of an empty one.

    It shows neither that there is a list, nor that there is none.
    """
    if not isinstance(body, dict):
        return ""
    words = {word_of(str(key)): value for key, value in body.items()}
    if not words.keys() <= NOTES | LEADS | ABOUT:
        return ""
    waiting = {word for word in words.keys() & OUTCOMES if WAITING.fullmatch(_small(words[word]))}
    shown = sorted(words.keys() & (NOTES | LEADS) | waiting)
    message = "; ".join(text for word in shown for text in _texts(words[word]))
    return "" if NOTHING_NEW.search(message) or says_nothing_found(message) else message


def not_ready(body: Any) -> str:
    """Return where and how an answer without records says that it is not complete yet; "" if not.

    `{"state": "PROCESSING", "items": []}`
    """
    for part in _parts(body) if isinstance(body, dict) else ():
        for key, value in part.items():
            text = _small(value) if isinstance(value, str) else ""
            if word_of(str(key)) in OUTCOMES and UNREADY.fullmatch(text):
                return f"{key} is {value}"
    return ""


def _parts(body: Json) -> Iterator[Json]:
    yield body
    for key, value in body.items():
        if isinstance(value, dict) and word_of(str(key)) in ENVELOPES:
            yield value


def _failure(part: Json) -> str:
    """Return the words of a failure that an object describes; "" if it describes none."""
    words = {word_of(str(key)): value for key, value in part.items()}
    texts = [text for word in words if word in MESSAGES for text in _texts(words[word])]
    own = [text for word in words if ERROR.fullmatch(word) for text in _texts(words[word])]
    trouble = next((text for text in texts if TROUBLE.search(NOT_ONE.sub("", text))), "")
    leads = [text for word in words if word in LEADS for text in _texts(words[word])]
    trouble = trouble or next((text for text in leads if LOGIN_PAGE.search(text)), "")
    if trouble or any(map(_is_error, words.items())) or _says_so(words, texts):
        return trouble or "; ".join(dict.fromkeys([*own, *texts])) or _whole(part)
    return ""


def _is_error(item: tuple[str, Any]) -> bool:
    word, value = item
    return ERROR.fullmatch(word) is not None and not _is_blank(value)


def _says_so(words: Json, texts: list[str]) -> bool:
    """Return whether a flag, an outcome or a code says that something failed."""
    counts = any(type(words.get(word)) is int for word in COUNTS)
    for word, value in words.items():
        plain = _small(value) if isinstance(value, str) else value
        if word in WELL and _is_no(plain) and not (counts and type(value) is int):
            return True
        if word in ILL and (plain is True or plain in ("true", "yes", "y")):
            return True
        if word in OUTCOMES and isinstance(plain, str) and BAD.fullmatch(NOT_ONE.sub("", plain)):
            return True
        if word in CODES and _is_bad_code(plain, texts):
            return True
    return False


def _is_no(value: Any) -> bool:
    if isinstance(value, (bool, int)):
        return value in (False, 0)
    return value in ("false", "0", "no", "n", "f", "off", "nein", "ko", "nok")


def _is_bad_code(value: Any, texts: list[str]) -> bool:
    """Return whether a code means a failure: a status from 400 on, less than 0, or with words."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    code = str(value).strip().lower()
    if re.fullmatch(r"[45]\d\d(?:[\s:-].*)?|-\d+|e[-_]?\d+|err.*|fail.*", code):
        return True
    if TROUBLE.search(code.replace("_", " ")):
        return True
    if code == "1" or FINE.fullmatch(code) or not re.fullmatch(r"\d+|[a-z]{1,4}[-_]?\d+", code):
        return False
    return bool(texts) and not any(_is_fine(text) or says_nothing_found(text) for text in texts)


def _is_fine(text: str) -> bool:
    return NOTHING_NEW.search(text) is not None or FINE.fullmatch(_small(text)) is not None


def _is_blank(value: Any) -> bool:
    if isinstance(value, (dict, list)):
        return all(map(_is_blank, value.values() if isinstance(value, dict) else value))
    return not value or FINE.fullmatch(_small(value)) is not None


def _small(value: Any) -> str:
    return str(value).strip(" .!\t\r\n").lower()


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, dict):
        inner = [shortened(item, LONGEST) for item in value.values() if isinstance(item, str)]
        return inner[:1]
    return [shortened(str(value), LONGEST)] if value not in (None, "", False) else []


def _whole(part: Json) -> str:
    return shortened(json.dumps(part, ensure_ascii=False, default=str), 200)
