"""Redis behind TLS and a password, under an authority of the operator's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from redis import Redis

from registry_sync.models import SyncRun
from tests.support.tls import tls_before

pytestmark = pytest.mark.once
PASSWORD = "s3cret/+@"


@pytest.fixture
def url(redis, tmp_path: Path) -> Iterator[str]:
    """Return a REDIS_URL as docs/settings.md describes it."""
    Redis.from_url(redis.url).config_set("requirepass", PASSWORD)
    with tls_before(redis.port, tmp_path) as (port, authority):
        yield f"rediss://:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/0?ssl_ca_certs={authority}"


def test_a_worker_and_the_health_check_reach_it(db, deploy, client, settings, url) -> None:
    d = deploy(3, env={"REDIS_URL": url})
    status, said = d.run("sync_registry", "--enqueue")
    assert status == 0, said
    status, said = d.run("rqworker", "sync", "--burst")
    assert status == 0 and d.statuses() == [SyncRun.Status.SUCCEEDED], said
    settings.REDIS_URL = url
    assert client.get("/healthz").json()["redis"] == "ok"
    for unusable in (url.partition("?")[0], url.replace(quote(PASSWORD, safe=""), "wrong")):
        settings.REDIS_URL = unusable
        assert client.get("/healthz").json()["redis"].startswith("unreachable")
