"""Plans: made, read, signed by a second person, and applied."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from registry_sync import runs
from registry_sync.admin.base import CappedPaginator
from registry_sync.admin.by_lane import ByLane, LaneChoice
from registry_sync.admin.start_run import page_of, start_run
from registry_sync.core.text import as_key
from registry_sync.core.types import Json
from registry_sync.desk import lanes, plans
from registry_sync.models import Lane, Plan, PlanRow, SyncRun
from registry_sync.sync.plans import lifecycle, outcome
from registry_sync.sync.plans.proposals import SIGN

TEMPLATES = "admin/registry_sync/plan/"


class RowPages(CappedPaginator):
    """Pages through every row of a plan, whose number is `count` unless a search limits them."""

    def __init__(self, rows: QuerySet[PlanRow], count: int | None) -> None:
        super().__init__(rows, plans.PAGE)
        self.known_count = count
        if count is not None:
            self.count = count

    @property
    def capped(self) -> bool:
        return self.known_count is None and super().capped


@admin.register(Plan)
class PlanAdmin(ByLane):
    """Everyone sees plans; who may sign signs, who may start runs makes and applies them."""

    nothing = "No plan yet. Make one with the button above, or let a lane need plans in Settings."
    change_list_template = TEMPLATES + "change_list.html"
    list_display = (
        "number", "standing", "what", "planned", "made_at", "expires_at", "signed_by",
        "applied_run",
    )  # fmt: skip
    list_display_links = None
    list_filter = ("state", LaneChoice)
    sortable_by = ()
    list_select_related = ("lane", "applied_run")

    @admin.display(description="plan")
    def number(self, plan: Plan) -> SafeString:
        return format_html('<a href="{}">{}</a>', _address("change", plan), plan)

    @admin.display(description="state")
    def standing(self, plan: Plan) -> SafeString:
        return format_html('<span class="pill {}">{}</span> {}', *plans.state_of(plan))

    @admin.display(description="what it writes")
    def what(self, plan: Plan) -> str:
        return outcome.plan_sentence(plan)

    @admin.display(description="planned by")
    def planned(self, plan: Plan) -> str:
        return plan.planned_by or "the schedule"

    def may_start(self, request: HttpRequest) -> bool:
        return request.user.has_perm(plans.APPLY)

    def changelist_view(
        self, request: HttpRequest, extra_context: Json | None = None
    ) -> HttpResponse:
        more = {"may_make": self.may_start(request), "lanes": lanes.lanes_and_names(request)}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        sign = sensitive_post_parameters("password")(self.sign)

        def own(route: str, view: Any, name: str) -> URLPattern:
            return path(route, guarded(require_POST(view)), name=f"registry_sync_plan_{name}")

        return [
            own("make/", self.make, "make"),
            own("<int:pk>/sign/", sign, "sign"),
            own("<int:pk>/apply/", self.apply, "apply"),
            own("<int:pk>/void/", self.void, "void"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Json | None = None,
    ) -> HttpResponse:
        """Show a plan in full: its state, who did what, and its rows, searched and paged."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        plan = self._plan(object_id)
        filters = {key: request.GET.get(key, "").strip() for key in ("q", "action", "left")}
        how: Json = {
            "text": filters["q"],
            "action": filters["action"],
            "left": bool(filters["left"]),
        }
        rows, count = plans.matching_rows(plan, **how), plans.known_count(plan, **how)
        page = RowPages(rows, count).get_page(request.GET.get("page"))
        context = {
            "title": f"{plan}{_lane_suffix(plan)}",
            "plan": plan,
            "state": plans.state_of(plan),
            "counts": outcome.plan_sentence(plan),
            "written": plans.written_share(plan),
            "rows": plans.shown(list(page), plan),
            "page": page,
            "asked": filters,
            "actions": plans.WORDS,
            "unsigned": plans.unsigned(plan),
            "may_sign": plans.SIGN_TITLE,
            "not_signers": plans.not_signers(plan),
            "hindrance": plans.sign_hindrance(request, plan)
            or plans.apply_hindrance(request, plan),
            "can_sign": plans.can_sign(request, plan),
            "can_apply": plans.can_apply(request, plan),
            "can_void": plan.state in ("open", "signed") and self.may_start(request),
            "kept": urlencode({key: value for key, value in filters.items() if value}),
        }
        return self.render(request, TEMPLATES + "page.html", context)

    def make(self, request: HttpRequest) -> HttpResponse:
        """Start the dry run that makes a plan of a lane."""
        if not self.may_start(request):
            raise PermissionDenied
        lane = lanes.find_lane(request.POST.get("lane", ""))
        run, _ = start_run(
            self, request, title="Plan", reason="a plan was asked for", kind=SyncRun.Kind.PLAN,
            lane=lane,
        )  # fmt: skip
        return redirect(page_of(run))

    def sign(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Sign a plan with the user's password and a reason."""
        plan, reason = self._plan(pk), request.POST.get("reason", "").strip()
        if not request.user.has_perm(SIGN):
            raise PermissionDenied
        fault = plans.sign_hindrance(request, plan)
        if not fault and not reason:
            fault = "Enter a reason. It is visible to all users."
        if not fault and not plans.is_password(request, request.POST.get("password", "")):
            fault = "The password is wrong. Nothing was signed."
        if not fault:
            try:
                who = request.user
                lifecycle.sign_plan(plan, actor=who.get_username(), user_id=who.pk, reason=reason)
            except lifecycle.PlanError as error:
                fault = str(error)
        if fault:
            self.message_user(request, fault, messages.ERROR)
        else:
            self.message_user(request, f"{plan} is signed. Apply it, or let the schedule apply it.")
        return redirect(_address("change", plan))

    def apply(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Start the run that applies a signed plan."""
        plan = self._plan(pk)
        if not self.may_start(request):
            raise PermissionDenied
        if fault := lifecycle.apply_fault(plan):
            self.message_user(request, fault, messages.ERROR)
            return redirect(_address("change", plan))
        run, _ = start_run(
            self, request, title=f"Apply {plan}", reason=plan.sign_reason, lane=plan.lane,
            kind=SyncRun.Kind.APPLY, plan=plan,
        )  # fmt: skip
        return redirect(page_of(run))

    def void(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Void a plan that waits, with a reason."""
        plan, reason = self._plan(pk), request.POST.get("reason", "").strip()
        if not self.may_start(request):
            raise PermissionDenied
        try:
            if not reason:
                raise lifecycle.PlanError("Enter a reason. It is visible to all users.")
            lifecycle.void_plan(plan, actor=request.user.get_username(), reason=reason)
        except lifecycle.PlanError as error:
            self.message_user(request, str(error), messages.ERROR)
        return redirect(_address("change", plan))

    def _plan(self, pk: Any) -> Plan:
        rows = Plan.objects.filter(pk=as_key(str(pk)) or 0, lane__in=Lane.objects.of_app())
        plan = rows.select_related("lane", "run").first()
        if plan is None:
            raise Http404("This plan does not exist.")
        return plan


def _address(action: str, plan: Plan) -> str:
    return reverse(f"admin:registry_sync_plan_{action}", args=[plan.pk])


def _lane_suffix(plan: Plan) -> str:
    name = runs.LaneNames().label(plan.lane)
    return f" ({name})" if name else ""
