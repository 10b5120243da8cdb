"""What one person proposed and a second one confirms or declines."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from registry_sync.admin.by_lane import ByLane, LaneChoice
from registry_sync.core.problems import SyncError
from registry_sync.core.text import as_key
from registry_sync.core.types import Json
from registry_sync.desk import proposals
from registry_sync.models import Lane, Proposal
from registry_sync.sync.plans.proposals import SIGN, Person, decline


@admin.register(Proposal)
class ProposalAdmin(ByLane):
    """Everyone sees proposals; a second person who may sign and may do it confirms them."""

    nothing = "Nothing was proposed. A lane's settings say what takes two people."
    list_display = ("proposed_at", "title", "state", "proposed_by", "reason", "decided_by")
    list_display_links = None
    list_filter = ("state", "what", LaneChoice)
    sortable_by = ()

    @admin.display(description="proposal")
    def title(self, row: Proposal) -> SafeString:
        return format_html('<a href="{}">{}</a>', f"{row.pk}/change/", row.text)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.decide))
        own = path("<int:pk>/decide/", view, name="registry_sync_proposal_decide")
        return [own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Json | None = None,
    ) -> HttpResponse:
        """Show what is proposed, by whom and why, and what this user can do about it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = _proposal(object_id)
        context = {
            "title": str(row),
            "row": row,
            "address": proposals.address_of(row),
            "hindrance": proposals.hindrance(request.user, row),
            "is_own": Person.of(request.user).proposed(row),
            "may": request.user.has_perm(SIGN),
        }
        return self.render(request, "admin/registry_sync/plan/proposal.html", context)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Confirm a proposal, or decline it, with a reason."""
        row = _proposal(pk)
        if not request.user.has_perm(SIGN):
            raise PermissionDenied
        message, level = self._decided(request, row)
        self.message_user(request, message, level)
        return redirect("admin:registry_sync_proposal_change", pk)

    def _decided(self, request: HttpRequest, row: Proposal) -> tuple[str, Any]:
        reason, who = request.POST.get("reason", "").strip(), Person.of(request.user)
        if not reason:
            return "Enter a reason. It is visible to all users.", messages.ERROR
        if request.POST.get("do") == "decline":
            done = decline(row, by=who, reason=reason)
            message = "Declined. Nothing was done." if done else "It was decided already."
            return message, messages.SUCCESS if done else messages.WARNING
        if fault := proposals.hindrance(request.user, row):
            return fault, messages.ERROR
        try:
            return proposals.carry_out(row, by=who, reason=reason), messages.SUCCESS
        except SyncError as error:
            return error.with_remedy, messages.ERROR


def _proposal(pk: Any) -> Proposal:
    rows = Proposal.objects.filter(lane__in=Lane.objects.of_app()).select_related("lane")
    return get_object_or_404(rows, pk=as_key(str(pk)) or 0)
