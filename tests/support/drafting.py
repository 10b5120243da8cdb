"""Someone at the pages of mapping drafts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from registry_sync.drafts.publish_effect import effect_of
from registry_sync.models import MappingDraft


def page(name: str, draft: MappingDraft) -> str:
    return reverse(f"admin:registry_sync_mappingdraft_{name}", args=[draft.pk])


class Desk:
    """A person at the pages of one draft."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def start(self, do: str = "nothing") -> MappingDraft:
        add = reverse("admin:registry_sync_mappingdraft_add")
        self.told = self.client.post(add, {"title": "Mine", "do": do}, follow=True)
        return MappingDraft.objects.latest("pk")

    def do(self, draft: MappingDraft, do: str, at: str = "change", **values: Any) -> str:
        """Press a button of a page, and give the words of the page it leads to."""
        draft.refresh_from_db()
        sent = {"version": draft.version, "do": do, **values}
        self.told = self.client.post(page(at, draft), sent, follow=True)
        draft.refresh_from_db()
        return self.told.content.decode()

    def ready(self, do: str = "nothing", **values: Any) -> MappingDraft:
        """Make a draft with all suggestions taken, and preview it."""
        draft = self.start(do)
        self.do(draft, "take", take=[s["field_id"] for s in draft.suggestions])
        if values:
            self.do(draft, "save", **(as_posted(draft) | values))
        self.do(draft, "sample", at="preview")
        return draft

    def publish(self, draft: MappingDraft, why: str = "New mapping", *, typed: str = "") -> str:
        """Publish a draft; if its effect asks for a number, type the one that is asked for."""
        draft.refresh_from_db()
        number = typed or str(effect_of(draft).number or "")
        return self.do(draft, "publish", at="publish", reason=why, typed=number)


def as_posted(draft: MappingDraft) -> dict[str, str]:
    """Give the table as a browser would post it."""
    sent = {"title": draft.title, "name_field": draft.name_field}
    for n, row in enumerate(draft.rows, 1):
        sent |= {f"row-{n}-path": row["path"], f"row-{n}-field": row["field_id"],
                 f"row-{n}-rule": "json" if row["rule"] else "as_is"}  # fmt: skip
        if row["rule"]:
            sent[f"row-{n}-json"] = json.dumps(row["rule"])
    return sent


@pytest.fixture
def desk(owner: Client) -> Desk:
    return Desk(owner)


def preview_all(desk: Desk, draft: MappingDraft) -> dict[str, Any]:
    """Preview a draft on all records, as a worker does; give what was found."""
    desk.do(draft, "all", at="preview")
    call_command("mapping", "preview", str(draft.pk))
    draft.refresh_from_db()
    return draft.preview
