"""The service's settings, for tests: what an operator would set, set here first."""

import os

for name, value in {
    "DEBUG": "1",
    "SECRET_KEY": "only-for-tests",
    "BENCHLING_URL": "http://127.0.0.1:1",
    "BENCHLING_CLIENT_ID": "client",
    "BENCHLING_CLIENT_SECRET": "s3cret",
    "BENCHLING_APP_ID": "app_test",
}.items():
    os.environ.setdefault(name, value)

from integration.settings import *  # noqa: E402, F403
