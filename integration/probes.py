"""The probe of whatever restarts the web service: answered for every host name."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from registry_sync.monitoring.views import healthz


class LiveProbeMiddleware:
    """Answers `/healthz?live` before the host name is checked.

    The health check of a container asks at 127.0.0.1 and Kubernetes at the pod's own address.
    Neither is in `ALLOWED_HOSTS`, and the answer depends on neither.

    https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == "/healthz" and "live" in request.GET:
            return healthz(request)
        return self.get_response(request)
