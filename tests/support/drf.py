"""A registry by Django REST Framework, in a process of its own: `python -m tests.support.drf PORT`.

Its records are numbered pages by id, filtered by `?modified_since=`.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.urls import include, path

APP = "tests_drf"


def main(port: int) -> None:
    """Serve until the process ends."""
    settings.configure(
        SECRET_KEY="only-for-tests", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True,
        INSTALLED_APPS=["rest_framework"], TIME_ZONE="UTC",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        REST_FRAMEWORK={
            "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None,
            "DEFAULT_PERMISSION_CLASSES": [], "PAGE_SIZE": 10,
        },
    )  # fmt: skip
    django.setup()
    from rest_framework import routers, serializers, viewsets

    class Compound(models.Model):
        id = models.CharField(max_length=20, primary_key=True)
        name = models.CharField(max_length=99)
        note = models.TextField(blank=True, default="")
        modified_at = models.DateTimeField(auto_now=True)

        class Meta:
            app_label = APP
            ordering = ("id",)

    class Serializer(serializers.ModelSerializer[Compound]):
        class Meta:
            model = Compound
            fields = "__all__"

    class Compounds(viewsets.ModelViewSet[Compound]):
        serializer_class = Serializer

        def get_queryset(self) -> Any:
            since = self.request.query_params.get("modified_since")
            found = Compound.objects.all()
            return found.filter(modified_at__gte=datetime.fromisoformat(since)) if since else found

    with connection.schema_editor() as editor:
        editor.create_model(Compound)
    router = routers.DefaultRouter()
    router.register("compounds", Compounds, basename="compound")
    urlpatterns.append(path("", include(router.urls)))
    with make_server("127.0.0.1", port, get_wsgi_application(), handler_class=Quiet) as server:
        server.serve_forever()


urlpatterns: list[Any] = []


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    main(int(sys.argv[1]))
