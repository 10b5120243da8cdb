"""gunicorn's own log as JSON, where the service's is."""

from __future__ import annotations

from gunicorn.config import Config
from gunicorn.glogging import Logger

from registry_sync.reporting.log_lines import JsonFormatter


class JsonLogger(Logger):
    """gunicorn's logger, whose lines are the service's: one JSON object each, without secrets.

    https://docs.gunicorn.org/en/stable/settings.html#logger-class
    """

    def setup(self, cfg: Config) -> None:
        """Set the handlers up, at the start and when gunicorn is reloaded."""
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(JsonFormatter())
