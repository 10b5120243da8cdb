"""django-rq's worker with this service's defaults: JSON jobs, quick recovery, one queue."""

from typing import Any

from django_rq.management.commands import rqworker


class Command(rqworker.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        # Said here as well as on the queues: RQ wants it twice.
        options["serializer"] = options.get("serializer") or "rq.serializers.JSONSerializer"
        super().handle(*(args or ("sync",)), **options)
