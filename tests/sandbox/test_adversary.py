"""No request from Benchling's own document makes the sandbox fail, or answer outside of it."""

from __future__ import annotations

import random
import re

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis import strategies as st

from sandbox.tenant.app import routes
from sandbox.tenant.entity_types import TYPES, WRITTEN
from sandbox.tenant.limits import Limits
from sandbox.tenant.state import TenantState
from tests.support.environment import FULL, SEED

pytestmark = [pytest.mark.once, pytest.mark.slow]
REQUESTS = 21_000 if FULL else 300
"""Together, over all operations."""
TYPE = random.Random(SEED).choice(
    [kind.path for name, kind in WRITTEN.items() if name != "custom_entity"]
)
"""The type whose operations the short form takes beside custom entities'."""
SWITCHES = [
    {}, {"omitted_fields": "clear", "archived_match": "update", "task_errors": "null"},
    {"duplicate_ids": "last", "archived_match": "unarchive", "task_errors": "words"},
    {"field_keys": "either", "other_schema": "move", "granular_locking": True},
]  # fmt: skip


@pytest.fixture(scope="module")
def adversary():
    """The module that makes requests: schemathesis is imported where they are made only."""
    from tests.support import adversary

    return adversary


@pytest.fixture(scope="module")
def document(adversary):
    return adversary.operations()


def test_the_document_has_every_operation_of_the_sandbox(document):
    state = TenantState()
    served = [
        (method, route.path.removeprefix("/api/v2"))
        for route in routes(state, Limits(state))
        for method in route.methods - {"HEAD"}
    ]
    shapes = [re.sub(r"{\w+}", "{}", name) for name in document]
    assert sorted(shapes) == sorted(f"{m} {re.sub('{id}', '{}', p)}" for m, p in served)


@pytest.mark.timeout(3600 if FULL else 480)
@pytest.mark.parametrize("part", range(4))
def test_no_request_leads_out_of_the_document(document, adversary, tenant, part):
    """Each part takes every fourth operation, and a tenant that behaves in its own way."""
    t = tenant(rate_limit=0, task_base=0.0, **SWITCHES[part])
    t.server.app.state.contract.by_shape = False
    aims, session = adversary.Adversary(t), requests.Session()
    answers: dict[int, int] = {}
    chosen = [name for name in sorted(document) if FULL or is_short(name)]
    for name in chosen[part::4]:
        t.sign_in()  # a token ends after 15 minutes, and a long part may last longer
        session.headers["Authorization"] = t.http.headers["Authorization"]
        cases = case_of(adversary, document[name])
        ask(document[name], cases, aims, session, answers, REQUESTS // len(chosen))
    assert not t.state.violations, t.state.violations[:3]
    t.state.malformed.clear()
    assert {2, 4} <= {status // 100 for status in answers}, answers
    print(f"part {part}: {sum(answers.values()):,} requests, answers {answers}")


def is_short(name: str) -> bool:
    """Return whether the short form takes an operation: one of two types, or of none."""
    others = {kind.path for kind in TYPES.values()} - {TYPE, TYPES["custom_entity"].path}
    return re.split("[/:]", name.partition("/")[2])[0] not in others


@st.composite
def case_of(draw, adversary, operation):
    """Draw a case, half of them within the document."""
    try:
        return draw(operation.as_strategy(generation_mode=draw(st.sampled_from(adversary.MODES))))
    except adversary.InvalidSchema:  # it has mutated the schema into one that it cannot meet
        reject()


def ask(operation, cases, aims, session, answers, count) -> None:
    """Send cases of one operation, half of them within the document."""

    @seed(SEED)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases)
    def one(case):
        answer = send(aims.aim(case), session, aims.tenant)
        if answer is None:
            return
        answers[answer.status_code] = answers.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (case.as_curl_command(), answer.text[:500])
        if answer.status_code >= 400 and operation.path != "/token":
            error = answer.json()["error"]
            assert error["message"] and error["type"], answer.text

    one()


def send(case, session, tenant):
    """Send one case; None if it cannot be sent by HTTP at all."""
    try:
        return case.call(base_url=f"{tenant.server.url}/api/v2", session=session)
    except (requests.exceptions.RequestException, UnicodeError):
        return None
