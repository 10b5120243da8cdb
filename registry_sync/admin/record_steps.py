"""One record, step by step: asked of both systems when the page is opened, nothing is written."""

from __future__ import annotations

import json

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path

from registry_sync import runs
from registry_sync.admin.by_lane import ByLane
from registry_sync.admin.links import record_url, search_url, steps_url
from registry_sync.core.types import Json
from registry_sync.desk import cures, lanes
from registry_sync.explain.explanation import Explanation, as_json
from registry_sync.explain.steps import STEPS, explain

PILLS = {"ok": "good", "warning": "warning", "stopped": "bad", "failed": "bad"}
WORDS = {
    "ok": "passes", "warning": "passes, with a warning", "stopped": "stops here",
    "failed": "could not be asked", "unknown": "not known yet", "skipped": "not reached",
}  # fmt: skip
TEMPLATE = "admin/registry_sync/record/steps.html"


class StepByStep(ByLane):
    """The page that follows one record."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.steps_view)
        own = path("record/steps/", view, name="registry_sync_record_steps")
        return [own, *super().get_urls()]

    def steps_view(self, request: HttpRequest) -> HttpResponse:
        """Follow the record `?id=` of the lane `&lane=`, or of the only lane that has it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        external_id, names = request.GET.get("id", "").strip(), lanes.lanes_and_names(request)
        if names.several and external_id and "lane" not in request.GET:
            return HttpResponseRedirect(search_url(external_id))
        lane = lanes.find_lane(request.GET.get("lane", ""), names)
        context: Json = {
            "title": "One record, step by step",
            "external_id": external_id,
            "lane": lane,
        }
        if lane is not None and external_id:
            found = explain(lane, external_id)
            context |= _shown(found, names)
            context["offers"] = [o for o in _offers(found) if o.is_open_to(request.user)]
            may_sync = request.user.has_perm("registry_sync.add_syncrun")
            context["may_sync"] = may_sync and lanes.is_current(lane)
        return self.render(request, TEMPLATE, context)


def _shown(found: Explanation, names: runs.LaneNames) -> Json:
    """Return what the page shows of an explanation; secrets are hidden in all of it."""
    lane, stop = found.lane, found.last
    explained, name = as_json(found, names.of(lane)), names.label(lane)
    raw = explained["record"]
    return {
        "title": f"{found.external_id}{f' ({name})' if name else ''}, step by step",
        "steps": [
            {
                **step,
                "title": STEPS[step["step"]].title,
                "pill": PILLS.get(step["outcome"], "quiet"),
                "mark": found_step.mark,
                "word": WORDS[step["outcome"]],
                "stops": found_step is stop,
            }
            for found_step, step in zip(found.steps, explained["steps"], strict=True)
        ],
        "stops": stop is not None,
        "raw": json.dumps(raw, indent=2, ensure_ascii=False) if raw else "",
        "fields": explained["fields"],
        "changes": explained["changes"],
        "seconds": found.seconds,
        "story_url": record_url(found.external_id, lane.pk),
        "again_url": steps_url(found.external_id, lane.pk),
    }


def _offers(found: Explanation) -> list[cures.Offer]:
    """Return the cures for what stops a record, if it is an open error."""
    code = found.last.code if found.last else ""
    errors = runs.open_errors(found.lane).filter(external_id=found.external_id, code=code)
    if not code or not errors.exists():
        return []
    return cures.all_of(found.lane, code, [found.external_id])
