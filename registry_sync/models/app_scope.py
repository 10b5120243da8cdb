"""Which tenant and app this deployment works for, and the rows that belong to them."""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models

Row = TypeVar("Row", bound=models.Model)


class AppRow(Protocol):
    """A row that belongs to one app in one tenant."""

    tenant: Any
    app_id: Any


def tenant_host() -> str:
    """Return the host of the Benchling tenant, by which webhooks and users name it."""
    try:
        host = urlsplit(settings.BENCHLING_URL).netloc
    except ValueError:  # it is no URL, which the system checks report
        host = ""
    return (host or settings.BENCHLING_URL).rpartition("@")[2].lower()


def app_key() -> dict[str, Any]:
    """Return the two columns by which rows belong to this deployment's app."""
    return {"tenant": tenant_host(), "app_id": settings.BENCHLING_APP_ID}


class AppQuerySet(models.QuerySet[Row]):
    """Rows of models that have the columns `tenant` and `app_id`."""

    def of_app(self) -> Self:
        """Keep the rows of this deployment's tenant and app."""
        return self.filter(**app_key())

    def of_same_app(self, row: AppRow) -> Self:
        """Keep the rows of the tenant and app that `row` belongs to."""
        return self.filter(tenant=row.tenant, app_id=row.app_id)
