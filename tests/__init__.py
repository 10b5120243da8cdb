"""The tests. What the shell exports leaves the environment before anything reads it."""

import sandbox  # noqa: F401 (before anything imports jsonschema)
from tests.support.environment import isolate

isolate()
