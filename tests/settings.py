"""The service's settings, for tests. `tests.support.environment` sets what an operator would."""

from integration.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""The default takes 0.3 s of CPU for each password, so that nobody tries many."""
