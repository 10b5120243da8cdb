"""Refused records to copy for whoever repairs them: a text, and a CSV of exactly the same."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from registry_sync import runs
from registry_sync.admin.base import ReadOnly
from registry_sync.desk import csv_export as csvs
from registry_sync.desk import error_copies as copies
from registry_sync.desk import lanes
from registry_sync.desk.worklist.causes import copy_label
from registry_sync.reporting.catalogue import ACTORS

PAGE = "admin/registry_sync/entityerror/copy.html"


class Copies(ReadOnly):
    """The pages that give the list of a cause, or of all causes that one actor repairs."""

    def get_urls(self) -> list[URLPattern]:
        guarded: Any = self.admin_site.admin_view
        return [
            path("copy/", guarded(self.copy_view), name="registry_sync_entityerror_copy"),
            path("copy.csv", guarded(self.copy_csv), name="registry_sync_entityerror_copy_csv"),
            *super().get_urls(),
        ]

    def copy_view(self, request: HttpRequest) -> HttpResponse:
        """Show the text, selected by one press, and the way to the CSV."""
        copy, query = self._asked(request), request.GET.urlencode()
        name = runs.LaneNames().label(copy.lane)
        context = {
            "title": f"{self._title(request, copy)}{f' ({name})' if name else ''}",
            "copy": copy,
            "text": copies.copy_as_text(copy),
            "csv": f"{reverse('admin:registry_sync_entityerror_copy_csv')}?{query}",
        }
        return self.render(request, PAGE, context)

    def copy_csv(self, request: HttpRequest) -> HttpResponseBase:
        """Return a CSV of the records, without the raw ones."""
        copy = self._asked(request)
        rows = (line.cells() for line in copies.lines_of(copy))
        kind = "text/csv; charset=utf-8"
        answer = StreamingHttpResponse(csvs.csv_lines(copies.HEADER, rows), content_type=kind)
        file_stem = copy.groups[0].code if len(copy.groups) == 1 else "errors"
        answer["Content-Disposition"] = f'attachment; filename="to-repair-{file_stem}.csv"'
        return answer

    def _asked(self, request: HttpRequest) -> copies.ErrorCopy:
        """Return what an address names: `code` or `who`, and `lane`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        lane = lanes.find_lane(request.GET.get("lane", ""))
        who = request.GET.get("who", "")
        if lane is None or (who and who not in ACTORS):
            raise Http404("There is no such list.")
        return copies.error_copy(lane, code=request.GET.get("code", ""), actor=who)

    def _title(self, request: HttpRequest, copy: copies.ErrorCopy) -> str:
        if who := request.GET.get("who", ""):
            return f"Copy for {ACTORS[who].label}"
        return copy_label(copy.groups[0]) if len(copy.groups) == 1 else "Copy the list"
