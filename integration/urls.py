"""Addresses of the service."""

from django.contrib import admin
from django.urls import path

from registry_sync.metrics import metrics
from registry_sync.views import healthz, webhook

admin.autodiscover()  # DeskConfig leaves it to whoever serves pages

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", healthz),
    path("metrics", metrics),
    *(
        path(f"benchling/webhooks{suffix}{slash}", webhook)
        for suffix in ("", "/event", "/canvas", "/lifecycle")
        for slash in ("", "/")
    ),
]
