"""A process that is killed in the middle of a run, at a call of its own code."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.models import SyncRun


class Killed(BaseException):
    """The process ends here, whatever it was about to do."""


def killed(*args: Any, **more: Any) -> None:
    """Stand in for the call at which the process ends."""
    raise Killed


def killed_in(
    owner: type,
    call: str,
    dies: Any = killed,
    *,
    kind: SyncRun.Kind = SyncRun.Kind.INCREMENTAL,
) -> SyncRun:
    """Return a run that was worked until `dies`, put in the place of a call, raised Killed.

    Its lease has run out, so that another process can take it over.
    """
    run, _ = runs.request_run(kind=kind, trigger=SyncRun.Trigger.SCHEDULE)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, call, dies)
        with pytest.raises(Killed):
            jobs.work_to_end(run.pk)
    SyncRun.objects.update(lease_until=None)
    return run
