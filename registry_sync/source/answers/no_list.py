"""Answers that show no list of records at all, as exceptions. Pure."""

from __future__ import annotations

from registry_sync.source.answers.decoding import Unusable

CHECK_WORDS = (
    "checks API URL and the request in Connector Settings against these words. If they are right, "
    "the registry's owner checks the service"
)


class NoList(Unusable):
    """An answer has nothing but what it says of its page: where its records belong is not known."""


class OnlyWords(Unusable):
    """An answer has a text, or texts and numbers by name: no setting would find a list in it."""

    def __init__(self, words: str) -> None:
        super().__init__("its answer contains no list of records", CHECK_WORDS)
        self.words = words
