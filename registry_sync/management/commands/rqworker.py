"""django-rq's worker with this service's defaults: JSON jobs, quick recovery, one queue."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django_rq.management.commands import rqworker

from registry_sync.core.dotted_paths import RQ_SERIALIZER
from registry_sync.jobs.worker import worker_ttl
from registry_sync.management.operator import USAGE


class Command(rqworker.Command):
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)  # type: ignore[no-untyped-call]
        # RQ needs the serializer both on the queues and for the worker.
        parser.set_defaults(serializer=RQ_SERIALIZER, worker_ttl=worker_ttl())

    def handle(self, *args: Any, **options: Any) -> None:
        known = ", ".join(settings.RQ_QUEUES)
        if unknown := [name for name in args if name not in settings.RQ_QUEUES]:
            raise CommandError(
                f"There is no queue {unknown[0]}; the queues are {known}.", returncode=USAGE
            )
        super().handle(*(args or ("sync",)), **options)  # type: ignore[no-untyped-call]
