"""The desk as one site: its first page, and the pages that belong to no table."""

from __future__ import annotations

# Not in the package `admin`: Django imports this class before the pages that register with it.
from django.contrib import admin


class Desk(admin.AdminSite):
    """Django's admin site with the integration owner's first page."""

    site_header = "Registry Sync"
    site_title = "Registry Sync"
    index_title = "The external registry and Benchling"
    enable_nav_sidebar = True
