"""What App Status shows keeps every limit of Benchling; the sandbox refuses what does not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from registry_sync import runs
from registry_sync.models import SyncRun
from registry_sync.reporting import app_status
from registry_sync.reporting.session_messages import closing_messages, message, messages
from registry_sync.sync.clients import client_of_settings
from sandbox.tenant import sessions
from tests.support.registry import compound

pytestmark = pytest.mark.once
Status, Kind = SyncRun.Status, SyncRun.Kind
DAY = 24 * 3600


@given(st.text(alphabet=st.one_of(st.sampled_from("{}\\ id:bfi_1"), st.characters())))
@example("{id:bfi_1}" * 30)
@example("\\" * 5 + "{" + "x" * 300)
@example("x" * 198 + "{}")
def test_any_text_is_a_message(text):
    said = message(text)
    sessions.check_messages([said])
    assert "{id:" not in said["content"].replace("\\{", "")


WHAT, WHY = "31 records were changed in Benchling by somebody else.", "This is a reason. " * 8
WHO = "The integration owner restores or accepts the values under Drift."


def test_a_long_text_says_in_a_second_message_what_to_do():
    """What failed comes first, and who does what comes last: that is what a cut would take away."""
    long = f"{WHAT} {WHY}{WHO}"
    assert len(long) > 200
    said = messages([("Done.", "INFO"), (long, "WARNING")], room=3)
    sessions.check_messages(said)
    assert [one["style"] for one in said] == ["INFO", "WARNING", "WARNING"]
    assert " ".join(one["content"] for one in said[1:]) == " ".join(long.split())
    assert said[2]["content"].endswith(WHO)
    longer = f"{WHAT} {WHY}{WHY}{WHO}"
    assert [one["content"] for one in messages([(longer, "INFO")], room=2)][1].endswith(WHO)
    example = f"{WHY}Add it to the name, e.g. “{{name}} [{{id}}]”, in the app's configuration."
    assert "e.g. “" in messages([(example, "INFO")], room=9)[-1]["content"]
    (_, cut) = messages([("Done.", "INFO"), (long, "WARNING")], room=2)
    assert cut["content"].startswith(WHAT) and cut["content"].endswith("…")


@given(st.lists(st.text(alphabet=st.sampled_from("aZ.!? {}\\"), max_size=700), max_size=9))
def test_any_texts_are_messages_within_the_limit(texts):
    said = messages([(text, "INFO") for text in texts], room=9)
    sessions.check_messages(said)
    assert len(texts) <= len(said) <= 9


@pytest.fixture
def opened(world):
    """A run whose session is open, and its session here."""
    w = world([])
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    lease = runs.claim(run.pk)
    run.refresh_from_db()
    session = app_status.Session(run, lease, client_of_settings())
    session.open()
    return w, run, session


def test_a_run_with_many_warnings_closes_its_session(opened):
    w, run, _ = opened
    run.status = Status.COMPLETED_WITH_WARNINGS
    run.warnings = [{"code": "counts", "text": f"Warning {n} {{of many}}"} for n in range(20)]
    assert len(closing_messages(run, "bookmark 1")) == 10
    assert app_status.close_session(run, client_of_settings(), "bookmark 1")
    shown = [said["content"] for said in w.session()["messages"]]
    assert w.session()["status"] == "COMPLETED_WITH_WARNINGS" and len(shown) == 10
    assert shown[-1] == "bookmark 1" and shown[1] == r"Warning 0 \{of many\}"


def test_a_session_is_kept_open_for_thirty_days_at_most(opened):
    w, run, session = opened
    run.created_at = timezone.now() - timedelta(days=11)
    w.session()["timeoutSeconds"] = 20 * DAY
    for text in ("First", "Second", "Third"):
        session.progress(text, at_once=True)
    assert not session.trouble and w.session()["timeoutSeconds"] == 30 * DAY
    assert w.session()["messages"][0]["content"] == "Third"


def test_braces_in_a_record_do_not_keep_a_session_open(world):
    w = world([compound(1), compound(2, id="C-{id:bfi_9}", kind="{Unknown"), compound(3)])
    run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS == w.session()["status"]
    assert any(r"\{id:bfi_9\}" in said["content"] for said in w.session()["messages"])
