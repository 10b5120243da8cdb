"""django-rq's worker with this service's defaults: JSON jobs, quick recovery, one queue."""

from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django_rq.management.commands import rqworker

from registry_sync.core.dotted_paths import RQ_SERIALIZER
from registry_sync.jobs.worker import worker_ttl
from registry_sync.management.operator import FAILED, USAGE, wrong_usage
from registry_sync.runs.workers import read_queues


class Command(rqworker.Command):
    help = "Work on one queue, `sync` (the default) or `interactive`, until it is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)  # type: ignore[no-untyped-call]
        # RQ needs the serializer both on the queues and for the worker.
        parser.set_defaults(serializer=RQ_SERIALIZER, worker_ttl=worker_ttl())

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.error = partial(wrong_usage, parser)  # type: ignore[method-assign]
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        _refuse(args)
        super().handle(*(args or ("sync",)), **options)  # type: ignore[no-untyped-call]


def _refuse(queues: tuple[str, ...]) -> None:
    """Raise CommandError if no worker can serve these queues, in words."""
    queue_names = ", ".join(settings.RQ_QUEUES)
    if unknown := [name for name in queues if name not in settings.RQ_QUEUES]:
        text = f"There is no queue {unknown[0]}; the queues are {queue_names}."
        raise CommandError(text, returncode=USAGE)
    if len(queues) > 1:
        text = f"A worker serves one queue. Start one worker each for {' and '.join(queues)}."
        raise CommandError(text, returncode=USAGE)
    seen = read_queues()
    if not seen.is_used:
        text = "REDIS_URL is not set, so a worker has no queue. The operator must set it."
        raise CommandError(text, returncode=FAILED)
    if seen.trouble:
        text = f"{seen.sentence()} The operator must check REDIS_URL and that Redis runs."
        raise CommandError(text, returncode=FAILED)
