"""Every variable of the environment: what it is for, and its default, in words.

docs/settings.md is rendered from this table (`python -m tools.reference`). Tests hold it against
what the code reads, and its defaults against the code's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable, or several that belong together.

    `default` is what holds without it, "" where that is nothing. A secret may also be given as
    `<NAME>_FILE`, the path of a file that contains it.
    """

    names: tuple[str, ...]
    meaning: str
    default: str = ""
    secret: bool = False


def _one(name: str, meaning: str, default: str = "", *, secret: bool = False) -> Variable:
    return Variable((name,), meaning, default, secret)


WEB = (
    _one("SECRET_KEY", "Django's key", "required unless `DEBUG`", secret=True),
    _one("DEBUG", "development only", "off"),
    Variable(
        ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS"),
        "hosts of the admin, and origins (with `https://`), separated by commas",
    ),
    _one("HTTPS_ONLY", "redirect, secure cookies and HSTS together", "on when `DEBUG` is off"),
    Variable(
        ("HSTS_INCLUDE_SUBDOMAINS", "HSTS_PRELOAD"),
        "HSTS also for subdomains, and for browsers' preload lists; only for the owner of the "
        "whole domain",
        "off",
    ),
    _one("TRUST_PROXY_HEADERS", "trust the proxy's `X-Forwarded-Proto`, `-Host` and `-For`", "off"),
    Variable(
        ("BIND", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"),
        "gunicorn's address, its processes, and the proxies it trusts",
        "`127.0.0.1:8000`, one per core, none",
    ),
    _one("SCRIPT_NAME", "a path in front of every address, such as `/sync`"),
)
STORES = (
    _one(
        "DATABASE_URL",
        "`postgres://…`, or `sqlite:////path`",
        "SQLite beside manage.py, or in the current directory",
        secret=True,
    ),
    _one(
        "REDIS_URL",
        "needed by workers; cron does not need it: `redis://:password@host:6379/0`, or "
        "`rediss://…` with TLS, followed by `?ssl_ca_certs=/path/ca.pem` if the system does not "
        "trust its certificate authority",
        secret=True,
    ),
)
BENCHLING = (
    _one("BENCHLING_URL", "https://acme.benchling.com", "required"),
    _one("BENCHLING_CLIENT_ID", "the app's client id", "required"),
    _one("BENCHLING_CLIENT_SECRET", "the app's client secret", "required", secret=True),
    _one("BENCHLING_APP_ID", "the installed app, `app_…`", "required"),
    _one("BENCHLING_APP_DEFINITION_ID", "`appdef_…`; needed by webhooks"),
    _one(
        "BENCHLING_PRIVATE_KEY",
        "PEM; decrypts `API Key`, and signs the audit",
        "required, unless no `API Key` is needed",
        secret=True,
    ),
    _one("BENCHLING_JWKS_URL", "address of the keys that verify webhooks", "Benchling's"),
)
LIMITS = (
    _one(
        "BATCH_SIZE",
        "most entities per upsert; batches begin with 500 and grow while they succeed",
        "2500",
    ),
    _one(
        "IN_FLIGHT",
        "concurrent upserts, 1 to 4; use more than one only if Benchling support has enabled "
        "granular locking",
        "1",
    ),
    _one(
        "OBJECTS_PER_HOUR",
        "this app's limit of entities written in any hour, so that other integrations keep their "
        "share; a run that reaches it waits and shows until when",
        "0: none",
    ),
    _one(
        "GREAT_CHANGE_PERCENT",
        "a run that would change more than this share of what is in Benchling (and more than 500 "
        "entities) stops until you override it",
        "50",
    ),
    _one("PLAN_DAYS", "a plan that is older can no longer be signed or applied", "7"),
    _one("FULL_SYNC_EVERY_DAYS", "a run reads everything when the last full run is older", "7"),
    _one(
        "REGISTRY_ALLOW_PRIVATE_NETWORKS",
        "allow the registry and the recipient of alerts to be on loopback or a private address",
        "off",
    ),
    _one(
        "LEASE_SECONDS",
        "a process that is silent for this long loses its run to another one; at most 80",
        "80",
    ),
)
RETENTION = (
    _one(
        "KEEP_RUNS_DAYS",
        "runs before the last good one of their lane that wrote nothing and that nothing refers to",
        "0: for ever",
    ),
    _one("KEEP_LOGS_DAYS", "the lines of the logs of ended runs", "0: for ever"),
    _one(
        "KEEP_ERRORS_DAYS", "errors that are closed, with what each run said of them", "0: for ever"
    ),
    _one(
        "KEEP_RAW_RECORDS_DAYS",
        "the records that closed errors and published or discarded drafts of a mapping keep, as "
        "the registry sent them",
        "0: for ever",
    ),
    _one(
        "KEEP_DELIVERIES_DAYS",
        "processed webhooks, counts of refused ones, and alerts that are over with their messages",
        "0: for ever",
    ),
)
MONITORING = (
    _one(
        "EMAIL_URL",
        "mail server for alerts: `submission://user:password@mail.example.com`; the sender is the "
        "user, or `?_default_from_email=`",
        "none: no e-mail",
        secret=True,
    ),
    _one(
        "METRICS_TOKEN",
        "the bearer token that may read `/metrics`",
        "none: `/metrics` answers 404",
        secret=True,
    ),
    _one(
        "HEARTBEAT_URL",
        "requested by GET after each good run of all records, with `/fail` appended to its path "
        "after a failed one; `{lane}` in it is replaced by the lane's name",
        "none",
        secret=True,
    ),
    _one("LOG_LEVEL", "level of the service's log", "INFO"),
    _one(
        "LOG_FORMAT",
        "`text`, or `json`: one object a line with the ids of its run, lane, delivery and request",
        "text",
    ),
)
TRACES = (
    _one(
        "OTEL_EXPORTER_OTLP_ENDPOINT", "where traces are sent by OTLP over HTTP", "none: no traces"
    ),
    _one("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "the same with its whole path", "none"),
    _one("OTEL_TRACES_EXPORTER", "`otlp`, `console` or `none`", "otlp with an endpoint"),
    _one("OTEL_SDK_DISABLED", "`true` turns traces off", "off"),
)
NETWORK = (
    Variable(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        "the proxy for requests to Benchling and the collector of traces, and hosts without it; "
        "all else, such as the registry, is requested directly",
        "none",
    ),
    _one(
        "SSL_CERT_FILE",
        "a PEM file with the certificate authorities that Benchling and the registry are verified "
        "by",
        "certifi's list",
    ),
    _one(
        "REQUESTS_CA_BUNDLE",
        "the same for the registry and the recipients of alerts alone; takes precedence there",
        "`SSL_CERT_FILE`",
    ),
)
TERMINAL = (
    Variable(
        ("NO_COLOR",),
        "any value but an empty one: commands print without colors (https://no-color.org)",
        "colors on a terminal",
    ),
    _one("TERM", "`dumb`: the same", "the terminal's own"),
)
GROUPS = {
    "web": WEB,
    "stores": STORES,
    "benchling": BENCHLING,
    "limits": LIMITS,
    "retention": RETENTION,
    "monitoring": MONITORING,
    "traces": TRACES,
    "network": NETWORK,
    "terminal": TERMINAL,
}
"""The variables by the section of docs/settings.md that lists them."""
