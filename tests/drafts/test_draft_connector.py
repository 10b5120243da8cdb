"""Test connection, and the Connector Settings that a draft holds: published, versioned, undone."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from registry_sync.models import MappingDraft, MappingVersion
from tests.support.factories import MappingDraftFactory
from tests.support.odd import Asked
from tests.support.registry import compound

CONNECT = "admin:registry_sync_connect"
BASE = datetime(2026, 1, 5, 8, tzinfo=UTC)
ROWS = [
    {**compound(n), "modified_at": f"{BASE + n * timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"}
    for n in range(30)
]


def by_token(asked: Asked) -> Any:
    rows = [row for row in ROWS if row["modified_at"] >= asked.query.get("updated_since", "")]
    start = int(asked.query.get("pageToken", 0))
    token = {"nextPageToken": str(start + 12)} if start + 12 < len(rows) else {}
    return {"compounds": rows[start : start + 12], "warnings": [{"text": "beta"}], **token}


def connector_in(w: Any) -> Any:
    held = [item for item in w.tenant.config.values() if item["path"] == ["Connector Settings"]]
    value = held[0]["value"] if held else None
    return json.loads(value) if isinstance(value, str) else value


def area(page: str) -> str:
    found = re.search(r'<textarea id="connector"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert found, page
    return html.unescape(found[1])


def press(client: Client, draft: MappingDraft, do: str, at: str = "change", **values: Any) -> str:
    draft.refresh_from_db()
    url = reverse(f"admin:registry_sync_mappingdraft_{at}", args=[draft.pk])
    sent = {"version": draft.version, "do": do, **values}
    said = html.unescape(client.post(url, sent, follow=True).content.decode())
    draft.refresh_from_db()
    return said


@pytest.mark.once
def test_from_a_tested_connection_to_a_sync_and_back(world, serve, owner, viewer):
    w = world([])
    w.configure(**{"API URL": serve(by_token).url + "/list", "Modified Since Parameter": "",
                   "Field Configurations": [], "Connector Settings": None})  # fmt: skip
    test = reverse("admin:registry_sync_mappingdraft_test")
    assert viewer.get(test).status_code == 403
    add, path = reverse("admin:registry_sync_mappingdraft_add"), reverse(CONNECT)
    assert "no key is asked for here" in owner.get(test).content.decode()
    assert all(f'href="{path}"' in owner.get(at).content.decode() for at in (test, add))
    page = owner.post(test, {"do": "test"}).content.decode()
    assert "nextPageToken" in page and "none of them older" in page
    connector = json.loads(area(page))
    assert connector["endpoint"]["data_selector"] == "compounds"
    assert connector_in(w) is None, "nothing was written"

    owner.post(add, {"title": "First", "do": "connector", "connector": area(page)})
    draft = MappingDraft.objects.get()
    assert draft.connector == connector and len(draft.sample) == 30
    said = press(owner, draft, "take_all")
    assert json.loads(area(said)) == connector
    for wrong, why in (
        ({"client": {"auth": {"type": "bearer", "token": "hush"}}}, "is a secret"),
        ({"endpoint": {"paginator": {"type": "auto", "limit": 5}}}, "has no effect"),
        ([], "must be a JSON object"),
    ):
        said = press(owner, draft, "save", connector=json.dumps(wrong))
        assert why in said and "hush" not in area(said) and draft.connector == connector
    press(owner, draft, "take_all")
    press(owner, draft, "sample", at="preview")
    assert draft.preview["new"] == 30
    press(owner, draft, "publish", at="publish", reason="Go live")
    assert draft.state == "published" and connector_in(w) == connector
    assert MappingVersion.objects.get().connector == connector
    w.sync()
    assert w.written() == 30
    assert {run.status for run in [w.sync()]} == {"SUCCEEDED"}

    edited = {"endpoint": {**connector["endpoint"], "primary_key": ["id"]}}
    second = MappingDraftFactory(
        **{name: getattr(draft, name) for name in ("tenant", "app_id", "rows", "name_field")},
        title="Second", connector=edited,
    )  # fmt: skip
    press(owner, second, "theirs", at="publish")
    press(owner, second, "sample", at="preview")
    press(owner, second, "publish", at="publish", reason="Another key")
    assert connector_in(w) == edited
    first = MappingVersion.objects.get(number=1)
    back = reverse("admin:registry_sync_mappingversion_roll_back", args=[first.pk])
    owner.post(back, {"reason": "No"})
    last = MappingDraft.objects.latest("pk")
    press(owner, last, "publish", at="publish", reason="Back")
    assert connector_in(w) == connector and MappingVersion.objects.count() == 3
