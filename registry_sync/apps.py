"""The Django app."""

from django.apps import AppConfig


class RegistrySyncConfig(AppConfig):
    name = "registry_sync"
    verbose_name = "Registry Sync"

    def ready(self) -> None:
        from . import checks, lookups  # noqa: F401  registers checks, and `among`
