"""System checks: every misconfiguration has an id, and a hint that says what to set."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from registry_sync.core.secrets import public_address
from registry_sync.monitoring.web_request import address_fault

TAG = "registry_sync"
HOST = re.compile(r"\*|\.?[^\s:/?#@\[\]]+|\[[0-9A-Fa-f:.]+\]")
REQUIRED = (
    ("BENCHLING_CLIENT_ID", "E003", "The app's page in Benchling's Developer Console shows it."),
    ("BENCHLING_CLIENT_SECRET", "E004", "Generate it in Benchling's Developer Console."),
    ("BENCHLING_APP_ID", "E005", "The installed app's page in the tenant shows it (app_…)."),
)


@register(TAG)
def check_benchling(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check the settings that name the tenant and the app."""
    found: list[CheckMessage] = []
    if fault := url_fault(settings.BENCHLING_URL):
        found.append(
            Error(
                f"BENCHLING_URL {fault}.",
                hint="Write the tenant's address, for example https://acme.benchling.com",
                id=f"registry_sync.{'E001' if not settings.BENCHLING_URL else 'E002'}",
            )
        )
    for name, id_, hint in REQUIRED:
        if not getattr(settings, name):
            # While developing, the parts that need no tenant must run without one.
            kind = Warning if settings.DEBUG else Error
            found.append(kind(f"{name} is not set.", hint=hint, id=f"registry_sync.{id_}"))
    if settings.DEBUG:
        found = [_softened(message) if "E001" in str(message.id) else message for message in found]
    if not settings.BENCHLING_APP_DEFINITION_ID:
        found.append(
            Warning(
                "BENCHLING_APP_DEFINITION_ID is not set: webhooks cannot be verified.",
                hint="The app's page in the Developer Console shows it (appdef_…). Legacy apps "
                "have none and set BENCHLING_JWKS_URL with {app_id}.",
                id="registry_sync.W001",
            )
        )
    return found


def _softened(message: CheckMessage) -> CheckMessage:
    return Warning(message.msg, hint=message.hint, id=message.id)


@register(TAG)
def check_private_key(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check the key that decrypts secure_text values."""
    if not settings.BENCHLING_PRIVATE_KEY:
        return [
            Warning(
                "BENCHLING_PRIVATE_KEY is not set: API Key cannot be decrypted, so nothing can "
                "sync.",
                hint="manage.py manifest --new-key app.pem generates a key pair and its manifest.",
                id="registry_sync.W002",
            )
        ]
    if fault := key_fault(settings.BENCHLING_PRIVATE_KEY):
        return [
            Error(
                f"BENCHLING_PRIVATE_KEY {fault}.",
                hint="manage.py manifest --new-key app.pem generates a key pair and its manifest.",
                id="registry_sync.E006",
            )
        ]
    return []


@register(TAG)
def check_queue(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check what the workers need."""
    found: list[CheckMessage] = []
    if not settings.REDIS_URL:
        found.append(
            Warning(
                "REDIS_URL is not set: cron syncs in its own process, but no worker can be "
                "notified.",
                hint="Set REDIS_URL=redis://host:6379/0 to use workers.",
                id="registry_sync.W003",
            )
        )
    elif not _is_redis(settings.REDIS_URL):
        found.append(
            Warning(
                "REDIS_URL is not a Redis address: no worker can be notified or started.",
                hint="Write redis://host:6379/0, rediss://… or unix://…",
                id="registry_sync.W006",
            )
        )
    for name, queue in settings.RQ_QUEUES.items():
        if "JSON" not in str(queue.get("SERIALIZER", "")):
            found.append(
                Error(
                    f"The queue {name} does not use the JSON serializer.",
                    hint="Set SERIALIZER to rq.serializers.JSONSerializer: pickles from Redis run "
                    "code.",
                    id="registry_sync.E007",
                )
            )
    return found


@register(TAG)
def check_mail(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check the address of the mail server; without one, doctor warns."""
    if not settings.EMAIL_FAULT:
        return []
    return [
        Warning(
            f"EMAIL_URL {settings.EMAIL_FAULT}: no alert can be sent by e-mail.",
            hint="Write submission://user:password@mail.example.com (STARTTLS, port 587) or "
            "smtp://user:password@mail.example.com:465/?ssl=True. Write characters such as @ in a "
            "password as %40.",
            id="registry_sync.W005",
        )
    ]


@register(TAG)
def check_heartbeat(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check the address of the monitor; its text is a secret, so it is not shown."""
    fault = address_fault(settings.HEARTBEAT_URL) if settings.HEARTBEAT_URL else ""
    if not fault:
        return []
    return [
        Warning(
            f"HEARTBEAT_URL {fault}. No monitor is notified of runs.",
            hint="Write the address that the monitor shows, such as https://hc-ping.com/… or "
            "https://hc-ping.com/…/{lane}",
            id="registry_sync.W007",
        )
    ]


@register(TAG)
def check_hosts(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check the names by which browsers and Benchling reach the web service."""
    return [
        Warning(
            f"ALLOWED_HOSTS has {host}, which is no host: no request can match it.",
            hint="Write hosts alone, separated by commas: sync.example.com, without https://, port "
            "and path; an IPv6 address in brackets.",
            id="registry_sync.W008",
        )
        for host in settings.ALLOWED_HOSTS
        if not HOST.fullmatch(host)
    ]


@register(deploy=True)
def check_reach(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check, for deployments, how the service is reached."""
    found: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") and settings.REDIS_URL == "":
        return found
    if settings.TRUST_PROXY_HEADERS and not settings.HTTPS_ONLY:
        found.append(
            Warning(
                "TRUST_PROXY_HEADERS is on while HTTPS_ONLY is off.",
                hint="Behind a proxy that ends TLS, turn both on.",
                id="registry_sync.W004",
            )
        )
    return found


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("redis", "rediss", "unix") and parts.port != 0
    except ValueError:  # the port is none
        return False


def url_fault(url: str) -> str:
    """Return what is wrong with a tenant's address; "" if nothing is. No password is shown."""
    if not url:
        return "is not set"
    shown = public_address(url).rpartition("@")[2]
    if "@" in url:
        return f"has a user or a password; write only the tenant's host: {shown}"
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # of a port that is none, or of a bracket
        is_address = False
    if not is_address:
        return f"is not a web address: {shown}"
    if parts.path not in ("", "/") or parts.query:
        return f"has a path; write only the tenant's host: {shown}"
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        return f"is plain http, which is allowed only for loopback addresses: {shown}"
    return ""


def key_fault(pem: str) -> str:
    """Return what is wrong with a private key in PEM form; "" if nothing is."""
    try:
        # Not whether its numbers are primes: doctor asks that, and each start would take longer.
        key = serialization.load_pem_private_key(
            pem.encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError):
        return "is not an unencrypted private key in PEM form"
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < 2048:
        return "is not an RSA key of 2048 bits or more, which Benchling requires"
    return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
