"""Pages read ahead: the next ones are requested while one is worked on, in a thread of their own.

The thread only reads the registry. It has no lease, no database and no signals: while the caller
waits for a page, the caller keeps its lease alive, and where it stops, the thread stops before its
next request.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator

from registry_sync.source.pages import Page

MOST_PAGES = 2
MOST_BYTES = 16 * 1024 * 1024
"""Bytes of the answers that wait, at most; a larger page waits alone."""
STEP = 0.25
"""Seconds between two signs of life of a caller who waits for a page."""
FAREWELL = 1.0
"""Seconds that a caller who wants no more pages waits for a request on its way."""


class Abandoned(BaseException):
    """No one waits for the pages any longer."""


class Waits:
    """How a registry's client waits: as its caller says, or in the thread of pages ahead."""

    def __init__(self, pause: Callable[[float], None], keep_alive: Callable[[], None]) -> None:
        self._pause, self.renew = pause, keep_alive
        self._ahead = threading.local()  # a thread that was given up may still end

    def enter(self, stop: threading.Event) -> None:
        """Take this thread for the one that reads ahead, until `stop` is set."""
        self._ahead.stop = stop

    def pause(self, seconds: float) -> None:
        """Wait. Raise Abandoned, or what the caller's own way raises."""
        if (stop := self._stop()) is None:
            self._pause(seconds)
        elif stop.wait(seconds):
            raise Abandoned

    def keep_alive(self) -> None:
        """Show that the reading goes on. Raise as `pause` does."""
        if (stop := self._stop()) is None:
            self.renew()
        elif stop.is_set():
            raise Abandoned

    def _stop(self) -> threading.Event | None:
        stop: threading.Event | None = getattr(self._ahead, "stop", None)
        return stop


class Ahead:
    """Reads pages in a thread, at most MOST_PAGES ahead of the one that was taken last."""

    def __init__(self, pages: Iterator[Page], waits: Waits) -> None:
        self._pages, self._waits = pages, waits
        self._stop, self._changed = threading.Event(), threading.Condition()
        self._ready: deque[Page] = deque()
        self._end: BaseException | None = None
        self._done = False

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages in their order, and raise at its place what reading one raised."""
        thread = threading.Thread(target=self._read, name="pages-ahead", daemon=True)
        thread.start()
        try:
            while (page := self._next()) is not None:
                yield page
        finally:
            self._stop.set()
            with self._changed:
                self._changed.notify_all()
            thread.join(FAREWELL)

    def _next(self) -> Page | None:
        self._waits.renew()  # a page that is ready needs no wait, but the one before took time
        with self._changed:
            while not (self._ready or self._done):
                self._changed.wait(STEP)
                self._waits.renew()
            if self._ready:
                page = self._ready.popleft()
                self._changed.notify_all()
                return page
        if self._end is not None:
            raise self._end
        return None

    def _read(self) -> None:
        self._waits.enter(self._stop)
        try:
            for page in self._pages:
                self._put(page)
        except Abandoned:
            pass
        except BaseException as error:
            self._end = error
        finally:
            with self._changed:
                self._done = True
                self._changed.notify_all()

    def _put(self, page: Page) -> None:
        with self._changed:
            self._ready.append(page)
            self._changed.notify_all()
            while self._is_full() and not self._stop.is_set():
                self._changed.wait()
        if self._stop.is_set():
            raise Abandoned

    def _is_full(self) -> bool:
        waiting = sum(page.bytes for page in self._ready)
        return len(self._ready) >= MOST_PAGES or waiting >= MOST_BYTES


def first_then_ahead(pages: Iterator[Page], waits: Waits) -> Generator[Page, None, None]:
    """Yield the first page as it is read, and the others ahead: many a list has no second one."""
    first = next(pages, None)
    if first is not None:
        last = first.next_position is None
        yield first
        del first
        if not last:
            yield from Ahead(pages, waits)
