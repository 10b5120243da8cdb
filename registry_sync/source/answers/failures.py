"""Whether a success without records says that it failed, or has nothing but words. Pure.

An empty list that comes with the words of a failure is none: its changes would be passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from registry_sync.core.secrets import shortened
from registry_sync.core.types import Json
from registry_sync.source.answers.failure_words import (
    ABOUT,
    BAD,
    BESIDE,
    CODE_OF_ERROR,
    CODES,
    COUNTED,
    COUNTS,
    ENVELOPES,
    ERROR,
    HELD_UP,
    ILL,
    LEADS,
    LOGIN_PAGE,
    MESSAGES,
    NOTES,
    OF_SERVICES,
    OUTCOMES,
    PLANNED,
    PROBLEMS,
    PROGRESS,
    READY_FLAGS,
    RETRIED,
    TROUBLE,
    UNREADY,
    UNREADY_FLAGS,
    WAITING,
    WELL,
)
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
from registry_sync.source.answers.parts_missing import is_of_an_error
from registry_sync.source.completeness.said_values import is_filled, truth_of


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


def only_errors(items: Sequence[Any]) -> str:
    """Return the words of items that are all messages of errors; "" if one is none.

    `{"resourceType": "OperationOutcome", "issue": [{"severity": "error", …}]}`
    https://hl7.org/fhir/operationoutcome.html
    """
    said = [
        {word_of(str(key)): value for key, value in item.items()} if isinstance(item, dict) else {}
        for item in items
    ]
    if not all(map(is_of_an_error, said)):
        return ""
    texts = (text for words in said for text in texts_in([*words.values()]))
    return "; ".join(dict.fromkeys(texts))


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
    """Return where and how an answer without records says that it is none, or none yet; "" if not.

    `{"state": "PROCESSING", "items": []}`, `{"locked": true, "items": []}`
    """
    for part in _parts(body) if isinstance(body, dict) else ():
        inner = (value for key, value in part.items() if OF_SERVICES.fullmatch(word_of(str(key))))
        for said in (part, *(value for value in inner if isinstance(value, dict))):
            for key, value in said.items():
                if _is_unready(word_of(str(key)), value):
                    shown = str(value).lower() if isinstance(value, bool) else str(value)
                    return f"{key} is {shortened(shown, 100)}"
    return ""


def _is_unready(word: str, value: Any) -> bool:
    if RETRIED.fullmatch(word) and not isinstance(value, bool):
        return is_filled(value) and not isinstance(value, (dict, list))
    if PROGRESS.fullmatch(word) and type(value) in (int, float):
        return bool(0 <= value < 100 and value != 1)  # of 100, or of 1
    says = truth_of(value)
    if says is not None and (isinstance(value, bool) or in_small(value) not in ("0", "1")):
        return bool((UNREADY_FLAGS if says else READY_FLAGS).fullmatch(word))
    if not isinstance(value, str) or not value.strip():
        return False
    text = in_small(value)
    if (word in OUTCOMES or OF_SERVICES.fullmatch(word)) and UNREADY.fullmatch(text):
        return True
    if OF_SERVICES.fullmatch(word) and BAD.fullmatch(text):
        return True
    return bool(HELD_UP.fullmatch(word)) and not is_none(value) and not PLANNED.search(text)


def _parts(body: Json) -> Iterator[Json]:
    yield body
    for key, value in body.items():
        if isinstance(value, dict) and word_of(str(key)) in ENVELOPES:
            yield value


def _failure(part: Json) -> str:
    """Return the words of a failure that an object describes; "" if it describes none."""
    words = {word_of(str(key)): value for key, value in part.items()}
    texts = [text for word in words if word in MESSAGES for text in texts_in(words[word])]
    named = [word for word in words if ERROR.fullmatch(word) or PROBLEMS.fullmatch(word)]
    own = [text for word in named for text in texts_in(words[word])]
    trouble = next((text for text in texts if TROUBLE.search(NOT_ONE.sub("", text))), "")
    leads = [text for word in words if word in LEADS for text in texts_in(words[word])]
    trouble = trouble or next((text for text in leads if LOGIN_PAGE.search(text)), "")
    by_level = is_of_an_error(words, with_text=bool(texts))
    if trouble or by_level or any(map(_is_error, words.items())) or _says_so(words, texts):
        return trouble or "; ".join(dict.fromkeys([*own, *texts])) or _whole(part)
    return ""


def _is_error(item: tuple[str, Any]) -> bool:
    word, value = item
    named = ERROR.fullmatch(word) or PROBLEMS.fullmatch(word)
    return named is not None and not is_none(value)


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
        if word == "xreturnstatus" and plain in ("e", "u"):  # of Oracle's interfaces
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
