"""The Django apps: ours, and Django's admin with our site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class RegistrySyncConfig(AppConfig):
    name = "registry_sync"
    verbose_name = "Registry Sync"

    def ready(self) -> None:
        from . import checks, lookups  # noqa: F401  registers checks, and `among`


class DeskConfig(admin_apps.AdminConfig):
    default = False
    default_site = "registry_sync.desk.Desk"
