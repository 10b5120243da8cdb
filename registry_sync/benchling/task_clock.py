"""How long Benchling's tasks take, learned from those that ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class TaskClock:
    """Predict task duration, in seconds, so that most tasks cost a single, timely poll."""

    per_row: float = 0.002
    base: float = 0.15
    bounded: bool = False
    """Whether a task was seen running, so that the prediction is known not to be far too long."""

    def expect(self, rows: int) -> float:
        """Return the seconds that a task of this many rows will take."""
        return self.base + self.per_row * rows

    def learn(self, rows: int, *, running_at: float, done_at: float) -> None:
        """Shorten the prediction if the first poll found the task done, lengthen it otherwise.

        `running_at` is the last poll that saw it running (0: none did), `done_at` the one that saw
        it done, both in seconds after its start.
        """
        if running_at:
            likely = min((running_at + done_at) / 2, running_at * 1.03)
            factor, self.bounded = likely / self.expect(rows), True
        else:
            factor = 0.999 if self.bounded else 0.7
        self.base *= factor
        self.per_row *= factor
