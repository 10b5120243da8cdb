"""Every fixture that is shared, and what hypothesis and Starlette are told: loaded where tests run.

The process that only starts pytest-xdist's workers needs none of it; to import it takes seconds.
"""

from __future__ import annotations

from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import starlette.routing
from django.db.backends.sqlite3 import base as sqlite
from hypothesis import HealthCheck, settings
from whitenoise.middleware import WhiteNoiseMiddleware

from tests.support.browser import page
from tests.support.chembl import datasette
from tests.support.deployment import deploy, redis
from tests.support.desk import owner, viewer
from tests.support.drafting import desk
from tests.support.environment import FULL
from tests.support.lossy import lossy, soon
from tests.support.odd import serve
from tests.support.one_line import one_line
from tests.support.patience import patient, patient_tenant
from tests.support.plans import leaving
from tests.support.tenants import tenant
from tests.support.worlds import world

__all__ = ["datasette", "deploy", "desk", "leaving", "lossy", "one_line", "owner", "page",
           "patient", "patient_tenant", "redis", "serve", "soon", "tenant", "viewer",
           "world"]  # fmt: skip

# A busy machine is no fault of a property.
settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow],
    max_examples=100 if FULL else 40,
)  # fmt: skip
settings.load_profile("busy")
# Each of some thousand tenants would compile the same hundred paths.
starlette.routing.compile_path = cache(starlette.routing.compile_path)
# Each run asks the same hundreds of statements as another, with other values.
sqlite.FORMAT_QMARK_REGEX = SimpleNamespace(sub=lru_cache(4000)(sqlite.FORMAT_QMARK_REGEX.sub))


_find_static_files = WhiteNoiseMiddleware.add_files_from_finders
_static_files: dict[str, dict[str, Any]] = {}


def _find_static_files_once(self: Any) -> None:
    """Find the static files for the first client: each has middleware of its own."""
    if self.static_prefix not in _static_files:
        _find_static_files(self)
        _static_files[self.static_prefix] = dict(self.files)
    self.files.update(_static_files[self.static_prefix])


WhiteNoiseMiddleware.add_files_from_finders = _find_static_files_once
