"""django-rq's worker with this service's defaults: JSON jobs, quick recovery, one queue."""

from argparse import ArgumentParser
from typing import Any

from django_rq.management.commands import rqworker

from registry_sync.core.dotted_paths import RQ_SERIALIZER
from registry_sync.jobs.worker import worker_ttl


class Command(rqworker.Command):
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)  # type: ignore[no-untyped-call]
        # RQ needs the serializer both on the queues and for the worker.
        parser.set_defaults(serializer=RQ_SERIALIZER, worker_ttl=worker_ttl())

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*(args or ("sync",)), **options)  # type: ignore[no-untyped-call]
