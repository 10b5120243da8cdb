"""Alerts: their recipients and thresholds, what was sent, and whether it arrived."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from registry_sync.admin.base import ReadOnly
from registry_sync.admin.by_lane import ByLane, LaneChoice
from registry_sync.admin.filters import OpenFilter, SentFilter
from registry_sync.core import kept_secrets
from registry_sync.core.text import as_key, number_of
from registry_sync.models import Alert, AlertMessage, AlertSettings
from registry_sync.monitoring import alerts, outbox
from registry_sync.monitoring.channels.mail import Mail
from registry_sync.monitoring.channels.webhook import webhook_fault
from registry_sync.monitoring.web_request import address_fault, host_of


class AlertSettingsForm(forms.ModelForm):
    """The alert settings, and the reason for a change."""

    webhook_url = forms.URLField(
        label="Webhook to", required=False, max_length=500, assume_scheme="https",
        widget=forms.URLInput(attrs={"class": "vLargeTextField"}),
        help_text="Receives a POST request, signed with the app's own key.",
    )  # fmt: skip
    chat_url = forms.URLField(
        label="Chat’s address", required=False, max_length=1000, assume_scheme="https",
        widget=forms.PasswordInput(
            attrs={"class": "vLargeTextField", "autocomplete": "new-password"}
        ),
        help_text="A secret: it is stored encrypted and never shown again. Leave it empty to keep "
        "the stored one.",
    )  # fmt: skip
    reason = forms.CharField(
        max_length=300,
        widget=forms.TextInput(attrs={"class": "vLargeTextField"}),
        help_text="Why do you change this? The history keeps the reason for all users.",
    )

    class Meta:
        model = AlertSettings
        fields = (
            "emails", "webhook_url", "chat_kind", "no_good_run_hours", "refused_percent",
            "error_days", "transient_runs",
        )  # fmt: skip
        labels = {
            "emails": "E-mail to",
            "chat_kind": "Chat",
            "no_good_run_hours": "Hours without a good run",
            "refused_percent": "Refused records, in percent",
            "error_days": "Days an error may stay open",
            "transient_runs": "Consecutive temporary failures tolerated",
        }
        widgets = {"emails": forms.Textarea(attrs={"rows": 4, "cols": 40})}

    def clean_emails(self) -> str:
        """Report each line that is not an address."""
        found = Mail().recipients(AlertSettings(emails=self.cleaned_data["emails"]))
        faults = []
        for address in found:
            try:
                validate_email(address)
            except ValidationError:
                faults.append(f"{address} is not an e-mail address. Enter one address per line.")
        if faults:
            raise ValidationError(faults)
        return "\n".join(found)

    def clean_webhook_url(self) -> str:
        url: str = self.cleaned_data["webhook_url"]
        if url and (fault := webhook_fault(url)):
            raise ValidationError(f"The address {fault}.")
        return url

    def clean(self) -> dict[str, Any]:
        """Encrypt the chat's address, and keep the stored one of the same kind of chat."""
        cleaned = super().clean() or self.cleaned_data
        kind, url = cleaned.get("chat_kind"), cleaned.get("chat_url")
        row = self.instance
        if not kind:
            row.chat_address = row.chat_host = ""
            if url:
                self.add_error("chat_kind", "Choose the kind of chat for this address.")
        elif url:
            self._keep(url)
        elif "chat_url" not in self.errors and (
            not row.chat_address or kind != self.initial.get("chat_kind")
        ):
            self.add_error("chat_url", "Enter the address of this chat.")
        return cleaned

    def _keep(self, url: str) -> None:
        key = settings.BENCHLING_PRIVATE_KEY
        if fault := address_fault(url):
            self.add_error("chat_url", f"The address {fault}.")
            return
        try:
            self.instance.chat_address = kept_secrets.encrypt(url, key)
            self.instance.chat_host = host_of(url)
        except ValueError:
            fault = "The operator must set BENCHLING_PRIVATE_KEY to a valid key first."
            self.add_error("chat_url", f"The address cannot be encrypted. {fault}")

    def clean_no_good_run_hours(self) -> int:
        return self._from_one("no_good_run_hours")

    def clean_transient_runs(self) -> int:
        return self._from_one("transient_runs")

    def _from_one(self, name: str) -> int:
        number: int = self.cleaned_data[name]
        if number < 1:
            raise ValidationError("Enter 1 or more.")
        return number


@admin.register(AlertSettings)
class AlertSettingsAdmin(admin.ModelAdmin):
    """One form for this app. Its list redirects to it."""

    form = AlertSettingsForm
    change_form_template = "admin/registry_sync/alertsettings/change_form.html"
    readonly_fields = ("chat_host",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the one form."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect("admin:registry_sync_alertsettings_change", alerts.settings_row().pk)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = AlertSettings.objects.filter(pk=as_key(object_id or "") or 0).first()
        recipients = alerts.recipients(row) if row else []
        more = {
            "title": "Alert settings",
            "subtitle": None,
            "told": recipients,
            "no_mail": not settings.EMAIL_READY and any(c == "e-mail" for c, _ in recipients),
        }
        return super().changeform_view(
            request, object_id, form_url, {**more, **(extra_context or {})}
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for a reason where something can be changed."""
        may = self.has_change_permission(request, obj)
        first, others = AlertSettingsForm.Meta.fields[:3], AlertSettingsForm.Meta.fields[3:]
        chat = ["chat_url", "chat_host"] if may else ["chat_host"]
        return [*first, *chat, *others, *(["reason"] if may else [])]

    def construct_change_message(
        self, request: HttpRequest, form: forms.BaseForm, formsets: Any, add: bool = False
    ) -> Any:
        """Keep what was changed and why in the admin's log."""
        changed = ", ".join(name for name in form.changed_data if name != "reason") or "nothing"
        return f"Changed {changed}: {form.cleaned_data['reason']}"

    def get_urls(self) -> list[URLPattern]:
        test = path(
            "<int:pk>/test/",
            self.admin_site.admin_view(require_POST(self.test)),
            name="registry_sync_alertsettings_test",
        )
        return [test, *super().get_urls()]

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a test message to each recipient and report each result."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        row = get_object_or_404(AlertSettings.objects.of_app(), pk=pk)
        test_messages = alerts.make_test_messages(row, actor=request.user.get_username())
        for message in test_messages:
            error = outbox.send(message)
            if error:
                self.message_user(request, f"Test to {message.receiver}: {error}", messages.ERROR)
            else:
                text = (
                    f"Test to {message.receiver}: sent. Check with the recipient that it arrived."
                )
                self.message_user(request, text, messages.SUCCESS)
        if not test_messages:
            text = "No recipient configured. Enter an address and save it first."
            self.message_user(request, text, messages.WARNING)
        self.log_change(
            request, row, f"Sent a test to {number_of(len(test_messages), 'recipient')}."
        )
        return redirect("admin:registry_sync_alertsettings_change", pk)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return redirect("admin:registry_sync_alertsettings_change", obj.pk)


@admin.register(Alert)
class AlertAdmin(ByLane):
    """Conditions that began or ended, and were reported."""

    nothing = "No alerts so far."
    list_display = ("what", "text", "began_at", "ended_at")
    list_filter = ("what", ("ended_at", OpenFilter), LaneChoice)
    fields = ("what", "text", "began_at", "ended_at", "ended_text", "told")
    readonly_fields = ("told",)

    @admin.display(description="messages")
    def told(self, row: Alert) -> str:
        url = reverse("admin:registry_sync_alertmessage_changelist")
        return format_html('<a href="{}?alert__id__exact={}">Recipients</a>', url, row.pk)


@admin.register(AlertMessage)
class AlertMessageAdmin(ReadOnly):
    """Each message to each recipient, and whether it was sent."""

    nothing = "No alert has been sent. Set the recipients in Alert settings."
    list_display = ("subject", "channel", "receiver", "created_at", "sent_at", "attempts", "error")
    list_filter = ("channel", ("sent_at", SentFilter))
    list_select_related = ("alert",)
    exclude = ("notice",)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "alert__id__exact" or super().lookup_allowed(lookup, value, request)
