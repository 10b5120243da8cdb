"""A preview that cannot go on says why, and does not look as if someone still worked on it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import DatabaseError

from registry_sync.benchling.errors import Refused
from registry_sync.core.problems import SyncError
from registry_sync.drafts import preview, preview_queue
from registry_sync.models import MappingDraft
from tests.support.factories import MappingDraftFactory

pytestmark = [pytest.mark.once, pytest.mark.django_db]
DOWN = SyncError("Benchling is down.", remedy="Wait.", kind="transient", code="down")


def work(draft: MappingDraft, error: Exception) -> None:
    """Work on a preview whose first request to Benchling ends like this."""

    def broken() -> None:
        raise error

    client = SimpleNamespace(configuration_items=broken, app_id="app_test")
    assert not preview.work_preview(draft.pk, lambda pause: client, lambda *more: None)


@pytest.fixture
def draft():
    return MappingDraftFactory(preview_state=MappingDraft.Preview.QUEUED)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DOWN, "Benchling is down. Wait."),
        (Refused(409, "Not now."), "Benchling refused a request (409): Not now."),
        (RuntimeError("secret"), "An internal error occurred (RuntimeError)."),
    ],
)
def test_a_preview_that_fails_says_why(draft, error, said):
    work(draft, error)
    draft.refresh_from_db()
    assert draft.preview_state == "failed" and said in draft.preview_error
    assert "secret" not in draft.preview_error
    assert preview.claim_preview(draft.pk) is None, "it is over"


def test_a_preview_whose_database_fails_is_left_to_another_worker(draft):
    with pytest.raises(DatabaseError):
        work(draft, DatabaseError("gone"))
    draft.refresh_from_db()
    assert (draft.preview_state, draft.preview_error) == ("running", "")
    MappingDraft.objects.update(preview_heartbeat=None)
    assert list(preview_queue.stranded_previews()) == [draft]
