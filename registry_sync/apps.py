"""The Django apps: the service, and Django's admin with the desk as its site."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.contrib.admin import checks as admin_checks
from django.core import checks

from registry_sync.core.dotted_paths import ADMIN_SITE


class RegistrySyncConfig(AppConfig):
    name = "registry_sync"
    verbose_name = "Registry Sync"

    def ready(self) -> None:
        from registry_sync import checks  # noqa: F401  registers checks, and `among`
        from registry_sync.models import lookups  # noqa: F401  registers checks, and `among`


class DeskConfig(admin_apps.SimpleAdminConfig):
    """The admin with the desk as its site, loaded by the URLs and by `check`.

    Django's own AdminConfig loads it with every command: 17 MB and half a second for cron.
    """

    default = False
    default_site = ADMIN_SITE

    def ready(self) -> None:
        checks.register(admin_checks.check_dependencies, checks.Tags.admin)
        checks.register(_check_admin, checks.Tags.admin)


def _check_admin(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    from django.contrib import admin

    admin.autodiscover()
    return list(admin_checks.check_admin_app(app_configs, **kwargs))
