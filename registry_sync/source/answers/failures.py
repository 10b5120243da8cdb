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
from registry_sync.source.answers.fine_words import (
    GOOD,
    NOT_ONE,
    NOTHING_NEW,
    in_small,
    is_fine,
    is_fine_code,
    is_none,
    texts_in,
)
from registry_sync.source.answers.nothing_found import says_nothing_found
from registry_sync.source.answers.page_answer import word_of
from registry_sync.source.completeness.said_values import truth_of

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
COUNTED = COUNTS | {"timeout"}
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
    if fault := _fault_beside(body, words):
        return fault
    flags = {key: value for key, value in body.items() if word_of(str(key)) in WELL | ILL | BESIDE}
    judged = words.keys() & (WELL | ILL | BESIDE | COUNTS)
    if not _says_so({word: words[word] for word in judged}, []):
        return ""
    return "; ".join(texts_in([words[word] for word in words if word in MESSAGES])) or _whole(flags)


def _fault_beside(body: Json, words: Json) -> str:
    """Return the words of an error beside records; "" if a code or a flag says that all is well."""
    codes = {word for word in words if CODE_OF_ERROR.fullmatch(word)}
    well = any(
        truth_of(words[word]) or in_small(words[word]) == "ok" for word in words.keys() & WELL
    )
    if well or any(is_fine_code(words[word]) for word in words.keys() & (CODES | codes)):
        return ""
    errors = [each for word in words if word not in codes and _is_of_error(word)
              for each in texts_in(words[word])]  # fmt: skip
    own = [text for text in errors if not NOT_ONE.search(text) and not is_fine(text)]
    if own or any(GOOD.fullmatch(in_small(text)) for text in errors):
        return "; ".join(dict.fromkeys(own))
    messages = [text for word in words.keys() & MESSAGES for text in texts_in(words[word])]
    fine = ("1",) if all(map(is_fine, messages)) else ()
    coded = [(key, value) for key, value in body.items() if word_of(str(key)) in codes]
    return "; ".join(
        f"{key} is {text}"
        for key, value in coded
        for text in texts_in(value)
        if text not in fine and not is_fine(text)
    )


def _is_of_error(word: str) -> bool:
    return ERROR.fullmatch(word) is not None and word not in ("error", "errors")


def only_words(body: Any) -> str:
    """Return the words of an answer that has nothing else, unless they are those of an empty one.

    It shows neither that there is a list, nor that there is none.
    """
    if not isinstance(body, dict):
        return ""
    words = {word_of(str(key)): value for key, value in body.items()}
    if not words.keys() <= NOTES | LEADS | ABOUT:
        return ""
    waiting = {word for word in words.keys() & OUTCOMES if WAITING.fullmatch(in_small(words[word]))}
    shown = sorted(words.keys() & (NOTES | LEADS) | waiting)
    message = "; ".join(text for word in shown for text in texts_in(words[word]))
    return "" if NOTHING_NEW.search(message) or says_nothing_found(message) else message


def not_ready(body: Any) -> str:
    """Return where and how an answer without records says that it is not complete yet; "" if not.

    `{"state": "PROCESSING", "items": []}`
    """
    for part in _parts(body) if isinstance(body, dict) else ():
        for key, value in part.items():
            text = in_small(value) if isinstance(value, str) else ""
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
    texts = [text for word in words if word in MESSAGES for text in texts_in(words[word])]
    own = [text for word in words if ERROR.fullmatch(word) for text in texts_in(words[word])]
    trouble = next((text for text in texts if TROUBLE.search(NOT_ONE.sub("", text))), "")
    leads = [text for word in words if word in LEADS for text in texts_in(words[word])]
    trouble = trouble or next((text for text in leads if LOGIN_PAGE.search(text)), "")
    if trouble or any(map(_is_error, words.items())) or _says_so(words, texts):
        return trouble or "; ".join(dict.fromkeys([*own, *texts])) or _whole(part)
    return ""


def _is_error(item: tuple[str, Any]) -> bool:
    word, value = item
    return ERROR.fullmatch(word) is not None and not is_none(value)


def _says_so(words: Json, texts: list[str]) -> bool:
    """Return whether a flag, an outcome or a code says that something failed."""
    counts = any(type(words.get(word)) is int for word in COUNTS)
    for word, value in words.items():
        plain = in_small(value) if isinstance(value, str) else value
        no = truth_of(plain) is False or plain in ("ko", "nok")
        if word in WELL and no and not (counts and type(value) is int):
            return True
        if word in ILL and truth_of(plain) and not (word in COUNTED and str(plain) == "1"):
            return True
        if word in OUTCOMES and isinstance(plain, str) and BAD.fullmatch(NOT_ONE.sub("", plain)):
            return True
        if word in CODES and _is_bad_code(plain, texts):
            return True
    return False


def _is_bad_code(value: Any, texts: list[str]) -> bool:
    """Return whether a code means a failure: a status from 400 on, less than 0, or with words."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    code = str(value).strip().lower()
    if re.fullmatch(r"[45]\d\d(?:[\s:-].*)?|-\d+|e[-_]?\d+|err.*|fail.*", code):
        return True
    if TROUBLE.search(code.replace("_", " ")):
        return True
    if code == "1" or is_none(code) or not re.fullmatch(r"\d+|[a-z]{1,4}[-_]?\d+", code):
        return False
    return bool(texts) and not any(is_fine(text) or says_nothing_found(text) for text in texts)


def _whole(part: Json) -> str:
    return shortened(json.dumps(part, ensure_ascii=False, default=str), 200)
