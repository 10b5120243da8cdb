"""Alerts by e-mail."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMessage

from registry_sync.models import AlertMessage, AlertSettings
from registry_sync.monitoring.channels.base import Channel, Unsent


class Mail(Channel):
    """E-mail to each address of the alert settings, one a line."""

    def recipients(self, limits: AlertSettings) -> list[str]:
        return list(dict.fromkeys(filter(None, map(str.strip, limits.emails.splitlines()))))

    def setup_fault(self) -> str:
        return "" if settings.EMAIL_READY else "The operator must set EMAIL_URL."

    def send(self, message: AlertMessage) -> None:
        if fault := self.setup_fault():
            raise Unsent(f"Cannot send e-mail. {fault}")
        mail = EmailMessage(message.subject, message.body, to=[message.receiver])
        mail.extra_headers["Auto-Submitted"] = "auto-generated"
        try:
            mail.send()
        except (OSError, ValueError) as error:  # smtplib's are OSErrors
            # The server's own words are left out: it may repeat there what it was given.
            code = getattr(error, "smtp_code", "")
            why = f"{type(error).__name__} {code}".strip()
            raise Unsent(f"The mail server did not accept it ({why}).") from error
