"""Read EMAIL_URL into Django's settings. `manage.py check` reports an invalid one."""

from __future__ import annotations

import warnings
from typing import Any

import dj_email_url

TIMEOUT = 10
"""Seconds that a mail server has to answer."""
NONE = {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend", "EMAIL_READY": False}


def mail_settings(url: str, host: str) -> dict[str, Any]:
    """Return the settings for a URL such as submission://user:password@mail.example.com.

    EMAIL_READY says whether mail can be sent, and EMAIL_FAULT why not, without the password.
    """
    if not url:
        return {**NONE, "EMAIL_FAULT": ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = dj_email_url.parse(url)
    except (ValueError, KeyError):
        return {**NONE, "EMAIL_FAULT": "cannot be read as a URL"}
    if "EMAIL_BACKEND" not in found:
        return {**NONE, "EMAIL_FAULT": "has an unknown scheme"}
    by_smtp = found["EMAIL_BACKEND"].endswith("smtp.EmailBackend")
    if by_smtp and not (found["EMAIL_HOST"] and found["EMAIL_PORT"]):
        return {**NONE, "EMAIL_FAULT": "names no host, or no port although its scheme needs one"}
    user = found["EMAIL_HOST_USER"] or ""
    sender = user if "@" in user else f"registry-sync@{host or 'localhost'}"
    return {
        "DEFAULT_FROM_EMAIL": sender,
        "SERVER_EMAIL": found.get("DEFAULT_FROM_EMAIL", sender),
        **found,
        "EMAIL_HOST_USER": user,
        "EMAIL_HOST_PASSWORD": found["EMAIL_HOST_PASSWORD"] or "",
        "EMAIL_TIMEOUT": found["EMAIL_TIMEOUT"] or TIMEOUT,
        "EMAIL_READY": True,
        "EMAIL_FAULT": "",
    }
