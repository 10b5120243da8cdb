"""The tests. Whatever the shell exports is taken out of the environment before anything reads it."""

from tests.support.environment import isolate

isolate()
