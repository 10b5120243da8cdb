"""`manage.py rqworker` started wrongly: a sentence and an exit status, no traceback."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.once
GONE = "redis://:s3cret@127.0.0.1:1/0"


@pytest.mark.parametrize(
    ("words", "redis_url", "status", "said"),
    [
        (["nosuch"], GONE, 64, "There is no queue nosuch; the queues are sync, interactive."),
        (["sync", "nosuch"], GONE, 64, "There is no queue nosuch"),
        (["sync", "interactive"], GONE, 64, "A worker serves one queue. Start one worker each"),
        (["--nosuch"], GONE, 64, "--nosuch"),
        (["sync"], "", 1, "REDIS_URL is not set, so a worker has no queue."),
        ([], GONE, 1, "Redis is unreachable (ConnectionError). The operator must check REDIS_URL"),
    ],
)
def test_a_worker_that_cannot_work_says_why(settings, words, redis_url, status, said):
    settings.REDIS_URL = redis_url
    with pytest.raises(CommandError) as refused:
        call_command("rqworker", *words)
    assert said in str(refused.value) and refused.value.returncode == status
    assert "s3cret" not in str(refused.value)
