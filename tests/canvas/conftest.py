"""The canvas that is looked at in a browser too."""

from tests.support.canvas import w

__all__ = ["w"]
