"""The records of an answer, or the error of one that is no list."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from registry_sync.core.addresses import is_address, joined_address, origin
from registry_sync.core.late_patterns import pattern
from registry_sync.core.types import Json
from registry_sync.source.answers.decoding import Unusable
from registry_sync.source.answers.depth_limits import DEEPER, depth_said
from registry_sync.source.answers.doubled_keys import mark_within
from registry_sync.source.answers.failure_words import MESSAGES
from registry_sync.source.answers.failures import not_ready, only_errors, only_words
from registry_sync.source.answers.inner_errors import error_said
from registry_sync.source.answers.list_items import RecordList
from registry_sync.source.answers.no_list import NoList, OnlyWords
from registry_sync.source.answers.nothing_found import FEW
from registry_sync.source.answers.page_answer import PageAnswer, word_of
from registry_sync.source.answers.partial_data import is_partial, refused_in
from registry_sync.source.answers.record_list import RecordFinder
from registry_sync.source.completeness.page_end import names_next
from registry_sync.source.details import MOST_FAILING
from registry_sync.source.errors import bad_answer
from registry_sync.source.http import Exchange, Reply
from registry_sync.source.path_parents import compile_parents
from registry_sync.source.refusals import ACCEPTED, without_answer

REQUESTS = frozenset({"response", "result", "data", "query", "job", "task", "search", "export",
                      "request", "execution", "statement"})  # fmt: skip
"""Keys of what a registry says of a request: its id and its status are no record's."""
REFRESH = pattern(r"url\s*=\s*[\"']?([^\"'\s]+)", re.IGNORECASE)


class AnswerReader:
    """Finds the records of one registry's answers. Raises SourceError."""

    def __init__(self, exchange: Exchange, finder: RecordFinder) -> None:
        self._exchange, self._finder = exchange, finder
        self._noted: set[str] = set()
        """Advice that came with records, so that it says nothing of where the list ends."""
        self._seen: set[str] = set()
        """Advice that came with the records of one later page."""

    def listed(
        self, reply: Reply, where: Json | None, *, whole: bool, announced: bool
    ) -> RecordList:
        """Return the records of the answer at a position.

        `announced`: the page before says that there are some. An answer that only says that it
        failed is no empty list, whatever its words.
        """
        later = where is not None
        if reply.ignored:
            if not reply.ignored_by:
                self._refuse_refresh(reply)
            return RecordList() if reply.ignored_by else self._finder.nothing(whole=whole)
        try:
            found = self._finder.find(reply.body, whole=whole, later=later)
            if found.count:
                self._note_advice(reply.body, later=later)
            if not found.count and reply.excuse != "error":
                found = self._without_records(reply, found, later=later, whole=whole)
            elif reply.status == ACCEPTED and found.records[:1] == [reply.body]:
                raise without_answer(reply.status, reply.headers)  # a job, not a record
            elif 0 < found.count <= FEW and not any(map(self._finder.identify, found.records)):
                self._refuse_failure(reply)
                if found.records and (said := only_errors(found.records)):
                    raise self._exchange.error_inside(reply.body, said)
        except Unusable as error:
            if reply.excuse == "error":
                return RecordList(doubled=reply.doubled)
            self._exchange.refuse_error(reply.body)
            self._refuse_failure(reply)
            if not isinstance(error, NoList) or not (
                reply.excuse or self._names_next(reply, where)
            ):
                raise bad_answer(self._described(error), error.remedy) from error
            found = RecordList()
        self._exchange.connector.page_limits.check_records(found.count)
        if reply.doubled:
            found = replace(found, doubled=mark_within(found.records, reply.doubled))
        if is_partial(reply.body):
            found = self._without_refused(reply, found)
        if found.count or not announced or reply.is_end:
            return found
        if strange := self._finder.strange(reply.body):
            raise bad_answer(f"the page before names this one, but its answer {strange}")
        return replace(found, news=self._finder.news(reply.body))

    def _note_advice(self, body: Any, *, later: bool) -> None:
        """Note advice without a number that the first page has, or two later ones.

        What only the last page with records says may be why the next one has none.
        """
        said = depth_said(body)
        if said and not re.search(r"\d", said):
            (self._noted if not later or said in self._seen else self._seen).add(said)

    def _described(self, error: Unusable) -> str:
        words = error.words if isinstance(error, OnlyWords) else ""
        return f"{error}, only “{self._exchange.connection.quote(words)}”" if words else str(error)

    def _without_records(
        self, reply: Reply, found: RecordList, *, later: bool, whole: bool
    ) -> RecordList:
        self._refuse_failure(reply)
        self._refuse_refresh(reply)
        said = depth_said(reply.body) if later and not reply.is_end else ""
        if said and said not in self._noted:
            said = self._exchange.connection.quote(said).rstrip(".")
            failure = f"it has no more records, but says: {said}"
            raise bad_answer(failure, DEEPER, code="registry_paging")
        if later or whole or reply.is_end:
            return found
        if words := only_words(reply.body) or not_ready(reply.body):
            return self._finder.unsure(words)
        return found

    def _without_refused(self, reply: Reply, found: RecordList) -> RecordList:
        """Return records with the errors about single ones; raise what is about more than that."""
        refused = refused_in(reply.body, found)
        none = refused is None or len(refused) == len(found.records) >= MOST_FAILING
        if none and reply.excuse != "error":
            raise self._exchange.error_inside(reply.body, error_said(reply.body))
        return replace(found, refused=refused or {})

    def _refuse_refresh(self, reply: Reply) -> None:
        """Raise for an answer without records that sends browsers to another page."""
        there = REFRESH.search(reply.headers.get("Refresh", ""))
        if there is not None:
            url = joined_address(reply.url, there[1])
            page = origin(url) + (urlsplit(url).path if is_address(url) else "")
            page = self._exchange.connection.quote(page)[:150]
            raise bad_answer(
                f"it has no records, but leads to another page (Refresh: {page})",
                "checks API URL if this persists; the next run tries again",
                transient=True,
            )

    def _refuse_failure(self, reply: Reply) -> None:
        if reply.status == ACCEPTED:
            raise without_answer(reply.status, reply.headers)
        self._exchange.refuse_failure(reply.body)
        of_request = not REQUESTS.isdisjoint(self._finder.place.split(".")[-2:-1])
        for part in compile_parents(self._finder.place)(reply.body):
            if isinstance(part, dict) and (of_request or not self._is_record(part)):
                self._exchange.refuse_failure(part)

    def _is_record(self, part: Json) -> bool:
        """Return whether what is around a list is a record itself, whose status is its own."""
        said = (text for key, text in part.items() if word_of(str(key)) in MESSAGES)
        return not error_said(part) and not any(said) and self._finder.identify(part) is not None

    def _names_next(self, reply: Reply, where: Json | None) -> bool:
        answer = PageAnswer(reply.body, reply.links, (), reply.url, reply.headers)
        return names_next(self._exchange.connector.paginator.at(where), where, answer)
