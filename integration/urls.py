"""URLs of the service."""

from django.contrib import admin
from django.http import HttpResponse
from django.urls import path
from django.views.generic import RedirectView

from registry_sync.desk import error_pages
from registry_sync.monitoring.metrics.page import metrics
from registry_sync.monitoring.views import healthz
from registry_sync.webhooks.views import webhook

admin.autodiscover()  # DeskConfig leaves it to processes that serve pages

handler400 = error_pages.unusable_request
handler403 = error_pages.forbidden
handler404 = error_pages.not_found
handler500 = error_pages.fault

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    # Browsers request it automatically; not having one is not an error.
    path("favicon.ico", lambda request: HttpResponse(status=204)),
    path("admin/", admin.site.urls),
    path("healthz", healthz),
    path("metrics", metrics),
    *(
        path(f"benchling/webhooks{suffix}{slash}", webhook)
        for suffix in ("", "/event", "/canvas", "/lifecycle")
        for slash in ("", "/")
    ),
]
