"""Forms that save what a second person may have to agree to."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect

from registry_sync.admin.base import ReadOnly
from registry_sync.core.problems import SyncError


class ByConsent(ReadOnly):
    """Forms that save what a second person may have to agree to."""

    def changeform_view(self, request: HttpRequest, *args: Any, **more: Any) -> Any:
        """Report, instead of the form, a proposal that someone decided in the same instant."""
        try:
            return super().changeform_view(request, *args, **more)
        except SyncError as error:
            self.message_user(request, error.with_remedy, messages.ERROR)
            return redirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the row and use up the consent, both or neither."""
        with transaction.atomic():
            if form.consent is not None:
                form.consent.use()
            self.save_row(obj, form)

    def save_row(self, obj: Any, form: Any) -> None:
        """Save what the form changed."""
        obj.save()
