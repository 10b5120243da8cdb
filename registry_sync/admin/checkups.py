"""Check-ups: the results of doctor, check by check, and the button that starts a new one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from registry_sync.admin.base import ReadOnly
from registry_sync.core.text import as_key
from registry_sync.models import Checkup
from registry_sync.monitoring.doctor import checkup as doctor

PILLS = {"ok": "good", "warning": "warning", "bad": "bad", "skipped": "quiet"}
WORDS = {"ok": "ok", "warning": "warning", "bad": "fails", "skipped": "skipped"}
GRAVEST = ("bad", "warning", "skipped", "ok")
FORMER = {"unseen": "skipped"}
"""States as older check-ups have them stored."""


@admin.register(Checkup)
class CheckupAdmin(ReadOnly):
    """Users who may add a check-up can start one. The rest is read-only."""

    nothing = "No check-up yet. Use the button above or manage.py doctor."
    list_display = ("at", "fails", "warns", "actor")
    change_list_template = "admin/registry_sync/checkup/change_list.html"
    change_form_template = "admin/registry_sync/checkup/change_form.html"

    def may(self, request: HttpRequest) -> bool:
        """Return whether the user may start a check-up."""
        return request.user.has_perm("registry_sync.add_checkup")

    @admin.display(description="fail")
    def fails(self, row: Checkup) -> int:
        return sum(point["state"] == "bad" for point in row.points)

    @admin.display(description="warn")
    def warns(self, row: Checkup) -> int:
        return sum(point["state"] == "warning" for point in row.points)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        more = {"may_run": self.may(request), "title": "Check-ups", **(extra_context or {})}
        return super().changelist_view(request, more)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = Checkup.objects.filter(pk=as_key(object_id or "") or 0).first()
        stored = row.points if row else []
        points = [{**p, "state": FORMER.get(p["state"], p["state"])} for p in stored]
        points.sort(key=lambda p: GRAVEST.index(p["state"]))
        shown = [{**p, "pill": PILLS[p["state"]], "word": WORDS[p["state"]]} for p in points]
        title = str(row) if row else "Check-up"
        more = {
            "points": shown,
            "checkup": row,
            "may_run": self.may(request),
            "title": title,
            "subtitle": None,
        }
        return super().changeform_view(
            request, object_id, form_url, {**more, **(extra_context or {})}
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return []

    def get_urls(self) -> list[URLPattern]:
        run = path(
            "run/", self.admin_site.admin_view(require_POST(self.run)),
            name="registry_sync_checkup_run",
        )  # fmt: skip
        return [run, *super().get_urls()]

    def run(self, request: HttpRequest) -> HttpResponse:
        """Run doctor and show its results."""
        if not self.may(request):
            raise PermissionDenied
        row = doctor.record_checkup(doctor.examine(), actor=request.user.get_username())
        self.log_addition(request, row, f"Started a check-up: {self.fails(row)} checks fail.")
        return redirect("admin:registry_sync_checkup_change", row.pk)
