"""What endpoint.response_actions of Connector Settings say to do about an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from registry_sync.source.answers.accepted_warnings import (
    accepts_warning,
    is_of_warning,
    take_out,
)
from registry_sync.source.answers.decoding import Unusable, parse_answer
from registry_sync.source.connection import Received
from registry_sync.source.connector import ResponseAction
from registry_sync.source.errors import RetryableError, bad_answer
from registry_sync.source.paths import ABSENT, compile_path

Excuse = Literal["", "error", "end", "warning"]
"""What a success is excused for: an ignored error, which is the end of the list; a warning that
says that this is the end; or any warning, so that an answer that has nothing else is empty."""
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
            what = f"it answered {answer.status}: {self._quote(answer.content)}"
            _act(action, what, answer, _check(index, action) if answer.ok else "")
            return _name(index)
        return ""

    def of_body(self, body: Any, status: int, *, is_list: bool) -> Excuse:
        """Return what the answer with a body is excused for, by the first action that fits it.

        All accepted warnings of a list are taken out of it: what is left is what it says. Raise
        SourceError.
        """
        excuse: Excuse = ""
        for action in self._actions:
            if not action.error_path or action.status_code not in (None, status):
                continue
            if accepts_warning(action):
                if is_list:
                    take_out(body, action)
                continue
            if excuse in ("error", "end"):
                continue
            found = _filled(compile_path(action.error_path)(body))
            if not found or action.content not in found:
                continue
            _act(action, f"its answer contains an error: {self._quote(found)}")
            if not is_of_warning(action.error_path):
                excuse = "error"
            else:
                excuse = "end" if action.content else "warning"
        return excuse


def _name(index: int) -> str:
    return f"response_actions[{index}]"


def _check(index: int, action: ResponseAction) -> str:
    """Return what the integration owner does about an action that stops at a success."""
    found = f" by “{action.content}”, which a record may have as well" if action.content else ""
    return (
        f"checks {_name(index)} of endpoint in Connector Settings, which takes this answer for an "
        f"error{found}. If it is one, the registry's owner checks the service"
    )


def _act(
    action: ResponseAction, what: str, answer: Received | None = None, owner: str = ""
) -> None:
    """Raise the error that an action stands for; return if it ignores the answer."""
    if action.action in ("retry", "rate_limited"):
        error = bad_answer(what, owner, transient=True, kind=RetryableError)
        error.seconds = 30.0 if action.action == "rate_limited" else 1.0
        retry_after = answer.headers.get("Retry-After", "") if answer is not None else ""
        if retry_after.isdecimal():
            error.seconds = min(float(retry_after), LONGEST_WAIT)
        raise error
    if action.action == "fail":
        raise bad_answer(what, owner)


def _error_at(action: ResponseAction, content: bytes) -> str:
    """Return what a failed answer has at `error_path`; "" if it is not JSON or has nothing there.

    Failed answers are only searched by an action that names their status.
    """
    if action.status_code is None:
        return ""
    try:
        return _filled(compile_path(action.error_path)(parse_answer(content)))
    except Unusable:
        return ""


def _filled(found: Any) -> str:
    return "" if found is ABSENT or found in (None, False, 0, "", [], {}) else str(found)
