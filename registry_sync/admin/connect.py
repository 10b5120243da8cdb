"""*Connect a registry*: the pages from an address and a key to a green dry run, without a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone

from registry_sync.admin.draft_proposal import Proposing, posted_connector, written_connector
from registry_sync.admin.start_run import page_of, start_run
from registry_sync.benchling.errors import Refused
from registry_sync.core.addresses import origin
from registry_sync.core.problems import SyncError
from registry_sync.core.secrets import public_address
from registry_sync.core.types import Json
from registry_sync.desk.connecting.facts import Facts, live
from registry_sync.desk.connecting.steps import BY_NAME, next_step, places
from registry_sync.desk.failure_text import failure_text
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import starting
from registry_sync.drafts.connection_test import try_connection
from registry_sync.drafts.id_and_name import judge_ids
from registry_sync.drafts.sample import paths_of
from registry_sync.models import SyncRun
from registry_sync.reporting.redaction import redact
from registry_sync.runs import LaneNames
from registry_sync.source.paths import ABSENT, compile_path
from registry_sync.sync.clients import client_of_settings, hasty_client, plain_source

PATIENCE = 8.0
"""Seconds that a page waits for the app's configuration."""
SHOWN, COLUMNS = 10, 12
"""Records and paths of the sample that a page shows."""
ITEMS = ("API URL", "API Key", "Schema to Sync", "Registry", "Synced Entity Location")
OPTIONAL = ("Synced Entity Location",)


class ConnectPages(Proposing):
    """The path of pages. Each shows the state of every step, and leads on and back."""

    pages: ClassVar[tuple[str, ...]] = ("access", "test", "proposal", "records", "dry_run")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [path("connect/", wrap(self.connect_view), name="registry_sync_connect")]
        own += [
            path(f"connect/{name.replace('_', '-')}/", wrap(self._page(name)),
                 name=f"registry_sync_connect_{name}")
            for name in self.pages
        ]  # fmt: skip
        return [*own, *super().get_urls()]

    def connect_view(self, request: HttpRequest) -> HttpResponse:
        """Lead to the first step that is not done; without `?sync=` offer each of several lanes."""
        self._admit(request)
        found = live(hasty_client(PATIENCE), request.GET.get("sync"))
        named = [
            connection for connection in found if connection.sync.element == request.GET.get("sync")
        ] or found
        if len(named) == 1:
            steps = places(named[0])
            step = next_step(steps) or steps[-1]
            return HttpResponseRedirect(step.address)
        paths = []
        for facts in found:
            steps = places(facts)
            paths.append({"facts": facts, "places": steps, "next": next_step(steps) or steps[-1]})
        return self._shown(request, "lanes", title="Connect a registry", paths=paths)

    def _page(self, name: str) -> Callable[[HttpRequest], HttpResponse]:
        def view(request: HttpRequest) -> HttpResponse:
            self._admit(request)
            element = request.GET.get("sync", "")
            found = live(hasty_client(PATIENCE), element)
            facts = next((one for one in found if one.sync.element == element), None)
            if facts is None:
                raise Http404("The app's configuration has no such sync.")
            if request.method == "POST" and (act := getattr(self, f"_do_{name}", None)):
                return self._done(request, act, facts, name)
            more: Json = getattr(self, f"_on_{name}", lambda *asked: {})(request, facts)
            return self._step(request, facts, name, several=len(found) > 1, **more)

        return view

    def _admit(self, request: HttpRequest) -> None:
        if not request.user.has_perm("registry_sync.add_mappingdraft"):
            raise PermissionDenied

    def _done(
        self, request: HttpRequest, act: Callable[..., str], facts: Facts, name: str
    ) -> HttpResponse:
        """Do what a page's button asks for, and go where that leads."""
        try:
            return HttpResponseRedirect(act(request, facts))
        except (SyncError, Refused) as error:
            self.message_user(request, failure_text(error), messages.ERROR)
        except ValueError as error:
            self.message_user(request, f"Connector Settings: {error}", messages.ERROR)
        return HttpResponseRedirect(BY_NAME[name].address(facts))

    def _step(
        self, request: HttpRequest, facts: Facts, name: str, *, several: bool, **more: Any
    ) -> HttpResponse:
        steps = places(facts, name)
        index = next(n for n, place in enumerate(steps) if place.is_here)
        of = f" ({facts.name})" if several else ""
        return self._shown(
            request, name,
            title=f"Connect a registry{of}: {steps[index].step.title}",
            facts=facts, places=steps, here=steps[index],
            back=steps[index - 1] if index else None,
            onward=steps[index + 1] if index + 1 < len(steps) else None,
            **more,
        )  # fmt: skip

    def _shown(self, request: HttpRequest, page: str, **more: Any) -> HttpResponse:
        context = {
            "is_nav_sidebar_enabled": False,
            **more,
        }
        return self.render(request, f"admin/registry_sync/connect/{page}.html", context)

    # -- address and key -----------------------------------------------------------------------

    def _on_access(self, request: HttpRequest, facts: Facts) -> Json:
        config = facts.config
        values = {}
        if config is not None:
            values = {
                "API URL": public_address(config.api_url),
                "API Key": "filled in" if config.api_key else "",
                "Schema to Sync": facts.sync.schema_name or config.schema_id,
                "Registry": config.registry_id,
                "Synced Entity Location": config.folder_id or "",
            }
        rows = [
            {"item": facts.item(name), "value": values.get(name, ""),
             "optional": name in OPTIONAL, "faults": facts.faults(name)}
            for name in ITEMS
        ]  # fmt: skip
        return {
            "rows": rows,
            "tenant": origin(settings.BENCHLING_URL),
            "app": settings.BENCHLING_APP_ID,
        }

    # -- test ----------------------------------------------------------------------------------

    def _do_test(self, request: HttpRequest, facts: Facts) -> str:
        """Test the connection, unless Benchling did not even say what to test."""
        if facts.config is None:
            return BY_NAME["access"].address(facts)
        row = try_connection(
            client_of_settings(), facts.config, element=facts.sync.element,
            actor=request.user.get_username(),
        )  # fmt: skip
        self.log_addition(request, row, "Tested the connection to the registry.")
        return BY_NAME["test"].address(facts)

    # -- proposal ------------------------------------------------------------------------------

    def _on_proposal(self, request: HttpRequest, facts: Facts) -> Json:
        tried = facts.tried
        lines = [
            {**line, "value": json.dumps(line["value"], ensure_ascii=False)
             if line["setting"] else ""}
            for line in (tried.lines if tried else ())
        ]  # fmt: skip
        proposal = tried.proposal if tried else None
        return {"tried": tried, "lines": lines, "connector": written_connector(proposal)}

    def _do_proposal(self, request: HttpRequest, facts: Facts) -> str:
        """Start a draft with the settings, which reads the first records."""
        draft = starting.start_draft(
            client_of_settings(),
            plain_source,
            title=f"Connection of {timezone.now():%Y-%m-%d}",
            actor=request.user.get_username(),
            from_live=True,
            connector=posted_connector(request),
            schema_id=facts.sync.schema_id,
        )
        self.log_addition(request, draft, "Started to connect a registry")
        facts.draft = draft
        return BY_NAME["records"].address(facts)

    # -- first records -------------------------------------------------------------------------

    def _on_records(self, request: HttpRequest, facts: Facts) -> Json:
        draft = facts.draft
        if draft is None:
            return {"sample": [], "fault": "", "may_change": False}
        every = paths_of(draft.sample)
        chosen = [(at, compile_path(at)) for at in every[:COLUMNS]]
        good, ids_text = judge_ids(draft.sample, drafts.lenient_connector(draft).id_paths)
        return {
            "paths": [at for at, _ in chosen],
            "sample": [
                [None if (value := get(record)) is ABSENT else value for _, get in chosen]
                for record in redact(draft.sample[:SHOWN])
            ],
            "more_paths": max(0, len(every) - COLUMNS),
            "count": len(draft.sample),
            "fault": draft.base.get("sample_fault") or "",
            "may_change": self.may(request) and draft.state in drafts.EDITABLE,
            "ids_good": good,
            "ids_said": ids_text if draft.sample else "",
        }

    def _do_records(self, request: HttpRequest, facts: Facts) -> str:
        """Read both sides again, into the same draft, which may be another user's."""
        if not self.may(request):
            raise PermissionDenied
        if facts.draft is not None:
            actor = request.user.get_username()
            try:
                starting.take_theirs(facts.draft, client_of_settings(), plain_source, actor)
            except drafts.Outdated:
                self.message_user(request, drafts.why_unsaved(facts.draft), messages.ERROR)
        return BY_NAME["records"].address(facts)

    # -- dry run -------------------------------------------------------------------------------

    def _on_dry_run(self, request: HttpRequest, facts: Facts) -> Json:
        return {"may_start": request.user.has_perm("registry_sync.add_syncrun")}

    def _do_dry_run(self, request: HttpRequest, facts: Facts) -> str:
        if not request.user.has_perm("registry_sync.add_syncrun"):
            raise PermissionDenied
        lane = LaneNames().find(facts.sync.schema_id)
        run, _ = start_run(
            self, request, title="First dry run", reason="To see what a sync would do.",
            kind=SyncRun.Kind.DRY_RUN, lane=lane,
        )  # fmt: skip
        return page_of(run)
