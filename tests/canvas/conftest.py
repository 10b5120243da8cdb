"""The canvas that is looked at in a browser too, and workers who are at work on it."""

from tests.support.canvas import w, workers

__all__ = ["w", "workers"]
