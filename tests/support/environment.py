"""The environment of the suite: every variable of the contract, set here and nowhere else.

A shell in which an operator works exports DATABASE_URL and REDIS_URL; the suite must not touch
what they name. Child processes inherit what is set here.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterable

POSTGRES = "REGISTRY_SYNC_TESTS_POSTGRES_URL"
"""Names the suite's own PostgreSQL; where it is set, the pass runs on it."""
VARIABLES = (
    "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "HTTPS_ONLY",
    "HSTS_INCLUDE_SUBDOMAINS", "HSTS_PRELOAD", "SCRIPT_NAME", "WEB_CONCURRENCY",
    "TRUST_PROXY_HEADERS", "DATABASE_URL", "REDIS_URL", "BENCHLING_URL", "BENCHLING_CLIENT_ID",
    "BENCHLING_CLIENT_SECRET", "BENCHLING_APP_ID", "BENCHLING_APP_DEFINITION_ID",
    "BENCHLING_PRIVATE_KEY", "BENCHLING_JWKS_URL", "BATCH_SIZE", "IN_FLIGHT", "OBJECTS_PER_HOUR",
    "GREAT_CHANGE_PERCENT", "PLAN_DAYS", "FULL_SYNC_EVERY_DAYS", "EMAIL_URL", "METRICS_TOKEN",
    "HEARTBEAT_URL", "REGISTRY_ALLOW_PRIVATE_NETWORKS", "LEASE_SECONDS", "LOG_FORMAT", "LOG_LEVEL",
    "KEEP_RUNS_DAYS", "KEEP_LOGS_DAYS", "KEEP_ERRORS_DAYS", "KEEP_RAW_RECORDS_DAYS",
    "KEEP_DELIVERIES_DAYS",
)  # fmt: skip
"""Every variable of the settings. Each may also be given as <NAME>_FILE."""
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE",
           "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")  # fmt: skip
"""What HTTP libraries read: a proxy would stand between the suite and its own servers."""
SERVERS = ("BIND", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS")
"""What the web server reads beside the settings."""
TERMINAL = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PYTHONWARNINGS")
"""What changes the words that a command prints."""
PREFIXES = ("OTEL_", "PG", "GUNICORN_")
"""How the names begin that OpenTelemetry, PostgreSQL's client and gunicorn read."""
VALUES = {
    "DEBUG": "1",
    "SECRET_KEY": "only-for-tests",
    "BENCHLING_URL": "http://127.0.0.1:1",
    "BENCHLING_CLIENT_ID": "client",
    "BENCHLING_CLIENT_SECRET": "s3cret",
    "BENCHLING_APP_ID": "app_test",
    "TZ": "UTC",
}


FULL = bool(os.environ.get("REGISTRY_SYNC_TESTS_FULL"))
"""Whether what is sampled is tested in its full size: `make test-long`."""
SEED_VARIABLE = "REGISTRY_SYNC_TESTS_SEED"
SEED = os.environ.setdefault(SEED_VARIABLE, str(secrets.randbelow(10**6) if FULL else 1))
"""From which all randomness of the tests comes; printed at the end, and the same in each worker.

`make test-long` draws one. `make test` has always the same: it judges a change, and what another
seed finds is no fault of the change.
"""


def sampled(names: Iterable[str], of: str, count: int) -> list[str]:
    """Return all names if everything is tested in full, else so many, drawn by the seed."""
    every = [*names]
    return random.Random(f"{SEED} {of}").sample(every, len(every) if FULL else count)


def isolate() -> None:
    """Remove every variable of the contract from this process, then set the suite's own values."""
    for name in (*VARIABLES, *NETWORK, *SERVERS, *TERMINAL):
        for spelling in (name, name.lower(), f"{name}_FILE"):
            os.environ.pop(spelling, None)
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        del os.environ[name]
    os.environ |= VALUES
    if url := os.environ.get(POSTGRES):
        os.environ["DATABASE_URL"] = url
