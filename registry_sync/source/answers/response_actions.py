"""What endpoint.response_actions of Connector Settings say to do about an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from registry_sync.source.answers.decoding import Unusable, parse
from registry_sync.source.answers.parts_missing import is_of_warning, says_missing
from registry_sync.source.connection import Received
from registry_sync.source.connector import ResponseAction
from registry_sync.source.errors import RetryableError, bad_answer
from registry_sync.source.paths import ABSENT, compile_path

LONGEST_WAIT = 60.0
"""Longest wait before an answer is requested again, in seconds."""


class ResponseActions:
    """Applies the first action that fits an answer.

    `quote` returns a registry's words as one line without secrets.
    """

    def __init__(
        self, actions: Sequence[ResponseAction], quote: Callable[[str | bytes], str]
    ) -> None:
        self._actions, self._quote = actions, quote

    def of_answer(self, answer: Received) -> str:
        """Return the name of the action that ignores an answer, "" if none does.

        It is chosen by status and text, or by an error in a failed answer. Raise SourceError.
        """
        for index, action in enumerate(self._actions):
            if action.status_code not in (None, answer.status):
                continue
            if action.error_path and (answer.ok or not _error_at(action, answer.content)):
                continue
            if action.content.encode() not in answer.content:
                continue
            _act(action, f"it answered {answer.status}: {self._quote(answer.content)}", answer)
            return _name(index)
        return ""

    def of_body(self, body: Any, status: int) -> tuple[ResponseAction, ...]:
        """Return the action that ignores an error inside a success, or those that accept warnings.

        One that accepts a warning hides nothing that another one is about. Raise SourceError.
        """
        accepted: list[ResponseAction] = []
        for action in self._actions:
            if not action.error_path or action.status_code not in (None, status):
                continue
            broad = action.action == "ignore" and not action.content
            if accepted and broad and is_of_warning(action.error_path):
                continue
            found = _filled(compile_path(action.error_path)(body))
            if found and action.content in found:
                _act(action, f"its answer contains an error: {self._quote(found)}")
                if not accepts_warning(action):
                    return (action,)
                accepted.append(action)
        return tuple(accepted)


def accepts_warning(action: ResponseAction) -> bool:
    """Return whether an action accepts a warning that parts may be missing, so is no end."""
    return is_of_warning(action.error_path) and says_missing(action.content)


def _name(index: int) -> str:
    return f"response_actions[{index}]"


def _act(action: ResponseAction, what: str, answer: Received | None = None) -> None:
    """Raise the error that an action stands for; return if it ignores the answer."""
    if action.action in ("retry", "rate_limited"):
        error = bad_answer(what, transient=True, kind=RetryableError)
        error.seconds = 30.0 if action.action == "rate_limited" else 1.0
        retry_after = answer.headers.get("Retry-After", "") if answer is not None else ""
        if retry_after.isdecimal():
            error.seconds = min(float(retry_after), LONGEST_WAIT)
        raise error
    if action.action == "fail":
        raise bad_answer(what)


def _error_at(action: ResponseAction, content: bytes) -> str:
    """Return what a failed answer has at `error_path`; "" if it is not JSON or has nothing there.

    Failed answers are only searched by an action that names their status.
    """
    if action.status_code is None:
        return ""
    try:
        return _filled(compile_path(action.error_path)(parse(content)))
    except Unusable:
        return ""


def _filled(found: Any) -> str:
    return "" if found is ABSENT or found in (None, False, 0, "", [], {}) else str(found)
