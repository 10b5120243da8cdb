"""The tests. What the shell exports leaves the environment before anything reads it."""

from tests.support.environment import isolate, leave_out_grammars

isolate()
leave_out_grammars()
