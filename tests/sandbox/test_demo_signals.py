"""Ctrl-C and `kill` end the demo wherever it is."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from sandbox.demo import signals
from sandbox.demo.signals import ended_by_signals

pytestmark = pytest.mark.once


@pytest.fixture
def as_before() -> Iterator[None]:
    """Leave the process with the handlers that it had."""
    handlers = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    }
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Finalized:
    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


@pytest.mark.usefixtures("as_before")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_an_end_that_python_ignores_is_tried_again(monkeypatch, number, error):
    monkeypatch.setattr(signals, "AGAIN", 0.2)
    with pytest.raises(error), ended_by_signals():
        Finalized(number)
        time.sleep(60)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN, "the cleanup is not interrupted"
