"""Settings. Every value comes from the environment; integration/variables.py describes them.

With DEBUG=1 the service runs right after a clone: SQLite, no Redis. Each secret can also be given
as <NAME>_FILE, the path of a file that contains it.
"""

from __future__ import annotations

import os
from datetime import timedelta

from integration.environment import (
    FAULTS,
    env,
    env_bool,
    env_choice,
    env_database,
    env_int,
    env_level,
    env_list,
    env_path_prefix,
    env_secret,
    env_template,
    refuse_faults,
)
from integration.home import home
from integration.mail import mail_settings
from registry_sync.core.dotted_paths import (
    ADMIN_APP,
    LOG_FORMATTERS,
    OUTDATED_FORM,
    RQ_SERIALIZER,
    WORKER_CLASS,
)

BASE_DIR = home()


# -- Django ---------------------------------------------------------------------------------

DEBUG = env_bool("DEBUG", default=False)
SECRET_KEY = env_secret("SECRET_KEY", "insecure-for-development-only" if DEBUG else "")
if not SECRET_KEY and not FAULTS:
    FAULTS.append("SECRET_KEY (or SECRET_KEY_FILE) is required when DEBUG is off.")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
CSRF_FAILURE_VIEW = OUTDATED_FORM
ROOT_URLCONF = "integration.urls"
WSGI_APPLICATION = "integration.wsgi.application"
# The path in front of every address, such as /sync; gunicorn reads the same variable.
SCRIPT_NAME = env_path_prefix("SCRIPT_NAME")
FORCE_SCRIPT_NAME = SCRIPT_NAME or None
env_int("WEB_CONCURRENCY", os.cpu_count() or 1, least=1, most=1000)  # gunicorn reads it
LANGUAGE_CODE, TIME_ZONE, USE_I18N, USE_TZ = "en-us", "UTC", False, True
FORMAT_MODULE_PATH = "integration.formats"  # every time names its zone
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    # First: its templates override the admin's.
    "registry_sync",
    ADMIN_APP,  # Django's admin with this app's site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
    # Not django_rq: its queue pages would be open to every member of staff.
]

MIDDLEWARE = [
    "integration.request_ids.RequestIdMiddleware",
    "integration.probes.LiveProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it replaces the login's answer
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# -- Users' sessions: login, and what a browser may do on a page ----------------------------------

LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: it refuses whoever tried too often
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "integration.client_address.client_address"
AXES_LOCKOUT_TEMPLATE = "admin/registry_sync/locked_out.html"
AXES_RESET_ON_SUCCESS = True
AXES_SENSITIVE_PARAMETERS: list[str] = []  # the log names who tried; the password is masked anyway
AXES_ENABLE_ADMIN = False

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: []
    for feature in (
        "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer",
        "microphone", "midi", "payment", "usb",
    )
}  # fmt: skip

STATIC_URL = f"{SCRIPT_NAME}/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True  # also what was not collected
if not DEBUG:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "integration.static_files.CollectedOrPlain"},
    }

# -- HTTPS: redirect, secure cookies and HSTS together ------------------------------------------

HTTPS_ONLY = env_bool("HTTPS_ONLY", default=not DEBUG)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS_ONLY else 0
# Only the owner of the domain may promise HTTPS for its other hosts, so the check that wants it is
# silenced.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env_bool("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env_bool("HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # probes use plain HTTP
TRUST_PROXY_HEADERS = env_bool("TRUST_PROXY_HEADERS", default=False)
if TRUST_PROXY_HEADERS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True

# -- Database -------------------------------------------------------------------------------

# How long a silent holder keeps a run. Workers look for such runs three times as often.
LEASE_SECONDS = env_int("LEASE_SECONDS", 80, least=1, most=80)
SQLITE_OPTIONS = {
    # A transaction that reads and then writes must not find the database locked, so it takes the
    # write lock at once and waits for it.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
DATABASES = {
    "default": env_database("DATABASE_URL", f"sqlite:///{BASE_DIR / 'registry_sync.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS | DATABASES["default"].get("OPTIONS", {})
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # runs.lease recognises this app's connections by this name. Where packets are dropped, a page
    # would else wait for two minutes.
    ours = {"application_name": "registry-sync", "connect_timeout": 10}
    DATABASES["default"]["OPTIONS"] = ours | DATABASES["default"].get("OPTIONS", {})

# -- Redis and RQ: they wake workers; the database is the source of truth --------------------------

REDIS_URL = env_secret("REDIS_URL")
# For workers. What others ask of Redis has a short time limit: registry_sync.runs.workers.
RQ_QUEUES = {
    name: {
        "URL": REDIS_URL or "redis://127.0.0.1:6379/0",
        "DEFAULT_TIMEOUT": 1800,
        "SERIALIZER": RQ_SERIALIZER,
    }
    for name in ("sync", "interactive")
}
RQ = {"WORKER_CLASS": WORKER_CLASS}

# -- Benchling --------------------------------------------------------------------------------

BENCHLING_URL = env("BENCHLING_URL").rstrip("/")
BENCHLING_CLIENT_ID = env("BENCHLING_CLIENT_ID")
BENCHLING_CLIENT_SECRET = env_secret("BENCHLING_CLIENT_SECRET")
BENCHLING_APP_ID = env("BENCHLING_APP_ID")
BENCHLING_APP_DEFINITION_ID = env("BENCHLING_APP_DEFINITION_ID")
BENCHLING_PRIVATE_KEY = env_secret("BENCHLING_PRIVATE_KEY").replace("\\n", "\n")
BENCHLING_JWKS_URL = env_template(
    "BENCHLING_JWKS_URL",
    "https://apps.benchling.com/api/v1/apps/{app_definition_id}/jwks",
    ("app_definition_id", "app_id"),
)

# -- Pace and limits ------------------------------------------------------------------------------

BATCH_SIZE = env_int("BATCH_SIZE", 2500, least=1, most=2500)
IN_FLIGHT = env_int("IN_FLIGHT", 1, least=1, most=4)
OBJECTS_PER_HOUR = env_int("OBJECTS_PER_HOUR", 0, least=0, most=10_000_000)  # 0: no limit
SLICE_SECONDS = 60
GREAT_CHANGE_PERCENT = env_int("GREAT_CHANGE_PERCENT", 50, least=1, most=100)
PLAN_DAYS = env_int("PLAN_DAYS", 7, least=1, most=365)
FULL_SYNC_EVERY_DAYS = env_int("FULL_SYNC_EVERY_DAYS", 7, least=1, most=3650)
REGISTRY_ALLOW_PRIVATE_NETWORKS = env_bool("REGISTRY_ALLOW_PRIVATE_NETWORKS", default=False)
# Retention, in days; 0: for ever.
KEEP_RUNS_DAYS = env_int("KEEP_RUNS_DAYS", 0, least=0, most=36500)
KEEP_LOGS_DAYS = env_int("KEEP_LOGS_DAYS", 0, least=0, most=36500)
KEEP_ERRORS_DAYS = env_int("KEEP_ERRORS_DAYS", 0, least=0, most=36500)
KEEP_RAW_RECORDS_DAYS = env_int("KEEP_RAW_RECORDS_DAYS", 0, least=0, most=36500)
KEEP_DELIVERIES_DAYS = env_int("KEEP_DELIVERIES_DAYS", 0, least=0, most=36500)
METRICS_TOKEN = env_secret("METRICS_TOKEN")
HEARTBEAT_URL = env_secret("HEARTBEAT_URL")

# -- E-mail: alerts, to the recipients in the alert settings --------------------------------------

MAIL = mail_settings(env_secret("EMAIL_URL"), next(iter(ALLOWED_HOSTS), "").strip("*."))
EMAIL_READY: bool = MAIL.pop("EMAIL_READY")
EMAIL_FAULT: str = MAIL.pop("EMAIL_FAULT")
globals().update(MAIL)  # Django's own EMAIL_… names
del MAIL  # it holds the password, and Django's debug page would not hide this name

# -- Logs: key=value lines, no secrets ------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": LOG_FORMATTERS[env_choice("LOG_FORMAT", tuple(LOG_FORMATTERS))],
            "format": "%(asctime)s level=%(levelname)s logger=%(name)s %(ids)s%(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "registry_sync": {"level": env_level("LOG_LEVEL")},
        # At INFO these log URLs with registry ids, and at DEBUG whole requests.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "benchling_sdk": {"level": "WARNING"},
        "urllib3": {"level": "ERROR"},
    },
}

refuse_faults()
