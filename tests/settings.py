"""The service's settings, for tests. `tests.support.environment` sets what an operator would."""

from integration.settings import *  # noqa: F403
