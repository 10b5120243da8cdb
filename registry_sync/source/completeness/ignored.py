"""Answers that response actions ignore, and pages that the registry refused. Pure."""

from __future__ import annotations

from registry_sync.core.text import number_of
from registry_sync.source.answers.page_answer import NO_CONTENT
from registry_sync.source.loop_detection import LoopDetector
from registry_sync.source.pages import Sign

PAST = (400, 416, 422)
"""How servers refuse a page past the end, too: a response action may say so."""
NEVER_EMPTY = (401, 403, 407, 429, 502, 503, 504)
"""Statuses of answers that are never those of an empty list."""


def cut_off(
    status: int, before: LoopDetector, ignored_by: str, *, unread: bool, found_nothing: bool
) -> tuple[Sign, ...]:
    """Return the sign of a page that the registry refused, or announced and then did not have.

    Its answer with this status is taken for an empty list, where `ignored_by` is not empty by that
    response action. `unread`: it has no JSON; `found_nothing`: it says in words that it is empty.
    A server that fails at the first page is not past the end.
    """
    failed_at_once = status >= 500 and not before.pages and not found_nothing
    if ignored_by and (status in NEVER_EMPTY or failed_at_once):
        return (_ignored_refusal(status, before.came, ignored_by),)
    failed = status >= 400 and status not in PAST
    if not before.announced or not (failed or (unread and status < 400 and status != NO_CONTENT)):
        return ()
    answered = f"answered {status}" if failed else "gave no list in answer"
    return (
        Sign(
            "more_said",
            f"The registry said after {number_of(before.came, 'record')} that there are more, but "
            f"{answered} to the request for them.",
            "The registry's owner checks its next pages, or the integration owner corrects "
            "endpoint.paginator or endpoint.response_actions of Connector Settings.",
        ),
    )


def ignored_records(count: int, action: str) -> Sign:
    """Return the sign of an answer with records that a response action ignored."""
    return Sign(
        "ignored_records",
        f"An answer with {number_of(count, 'record')} was ignored by {action} of endpoint in "
        "Connector Settings, and ended the read.",
        "The integration owner corrects that action: `error_path` looks at one place, where "
        "`content` looks at the whole answer, its records too.",
    )


def _ignored_refusal(status: int, count: int, action: str) -> Sign:
    return Sign(
        "ignored_records",
        f"The registry refused a page ({status}) after {number_of(count, 'record')}. {action} of "
        "endpoint in Connector Settings ignored that, and ended the read.",
        "The integration owner corrects that action: such an answer is no empty list.",
    )
