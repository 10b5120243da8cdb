"""*Test connection*: Connector Settings proposed from the registry, and a draft with them."""

from __future__ import annotations

import json

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone

from registry_sync.admin.by_lane import schema_choices
from registry_sync.admin.draft_publishing import Publishing
from registry_sync.benchling.errors import Refused
from registry_sync.core.json_text import parse_json
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.desk.failure_text import failure_text
from registry_sync.drafts.connector_proposal.live import propose_live
from registry_sync.sync.clients import client_of_settings


class Proposing(Publishing):
    """The page that tests the connection. It needs API URL and API Key alone, and asks for none."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test_view)
        name = "registry_sync_mappingdraft_test"
        return [path("test/", view, name=name), *super().get_urls()]

    def test_view(self, request: HttpRequest) -> HttpResponse:
        """Explain the test; once it was asked for, show what was found."""
        if not request.user.has_perm("registry_sync.add_mappingdraft"):
            raise PermissionDenied
        found, chosen = None, request.POST.get("schema", "")
        if request.method == "POST":
            try:
                found = propose_live(client_of_settings(), chosen)
            except (SyncError, Refused) as error:
                self.message_user(request, failure_text(error), messages.ERROR)
        context = {
            "title": "Test connection",
            "found": found,
            "schemas": schema_choices(),
            "chosen_schema": chosen,
            "lines": [
                {
                    "setting": line.setting,
                    "value": "" if not line.setting else json.dumps(line.value, ensure_ascii=False),
                    "evidence": line.evidence,
                }
                for line in (found.lines if found else ())
            ],
            "connector": written_connector(found.settings if found else None),
            "suggested": f"Connection of {timezone.now():%Y-%m-%d}",
        }
        return self.render(request, "admin/registry_sync/mappingdraft/test.html", context)


def posted_connector(request: HttpRequest) -> Json | None:
    """Return the Connector Settings of a form; None if it has none. Raise ValueError."""
    text = request.POST.get("connector", "").strip()
    if not text:
        return None
    found = parse_json(text)
    if not isinstance(found, dict):
        raise ValueError("they must be a JSON object")
    return found


def written_connector(connector: Json | None) -> str:
    """Return Connector Settings as text to read and edit; "" for None."""
    return "" if connector is None else json.dumps(connector, indent=2, ensure_ascii=False)
