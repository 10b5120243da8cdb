"""Links between the desk's pages."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def record_url(external_id: str, lane_id: int | None = None) -> str:
    """Return the address of one record's story, in the lane `lane_id`.

    Without it, that is the lane that is synced now.
    """
    query = {"id": external_id, **({"lane": lane_id} if lane_id else {})}
    return f"{reverse('admin:registry_sync_record')}?{urlencode(query)}"


def search_url(typed: str) -> str:
    """Return the address of the list of records with this id or name, of whichever lane."""
    return f"{reverse('admin:registry_sync_record')}?{urlencode({'q': typed})}"


def record_link(external_id: str, lane_id: int | None = None) -> SafeString:
    """Return a record's external id as a link to its story."""
    return format_html('<a href="{}">{}</a>', record_url(external_id, lane_id), external_id)


def steps_url(external_id: str, lane_id: int | None = None) -> str:
    """Return the address of one record's steps, in the lane `lane_id`.

    Without it, that is the lane that is synced now.
    """
    query = {"id": external_id, **({"lane": lane_id} if lane_id else {})}
    return f"{reverse('admin:registry_sync_record_steps')}?{urlencode(query)}"
