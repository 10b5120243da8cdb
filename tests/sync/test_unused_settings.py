"""Settings without effect: a run goes on and warns; what is new refuses them by name."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.core.problems import ConfigError
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import starting
from registry_sync.drafts.publish import plan_publish
from registry_sync.models import MappingDraft
from registry_sync.monitoring.doctor import checkup as doctor
from registry_sync.source.connector import SINCE
from registry_sync.source.connector_settings import parse_connector
from registry_sync.sync.clients import client_of_settings, plain_source
from tests.support.registry import compound

URL = "https://registry.example/list"
SAID = "endpoint.paginator.next_url_path has no effect: the type is auto"


@pytest.mark.once
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"endpoint": {"paginator": {"type": "page_number", "next_url_path": "next"}}},
         "endpoint.paginator.next_url_path has no effect: the type is page_number"),
        ({"endpoint": {"paginator": {"type": "single_page", "max_pages": 5}}},
         "endpoint.paginator.max_pages has no effect: the type is single_page"),
        ({"endpoint": {"paginator": {"type": "page_number", "limit": 50}}},
         "endpoint.paginator.limit has no effect: nothing sends it; set page_size_param"),
        ({"client": {"paginator": "offset"}, "endpoint": {"paginator": "auto"}},
         "client.paginator has no effect: endpoint.paginator takes precedence"),
        ({"endpoint": {"paginator": {"type": "cursor", "cursor_path": "n", "cursor_param": "a",
                                     "cursor_body_path": "b"}}},
         "endpoint.paginator.cursor_param has no effect: cursor_body_path takes precedence"),
        ({"client": {"auth": {"type": "none", "scheme": "Token"}}},
         "client.auth.scheme has no effect: the type is none"),
        ({"endpoint": {"params": {"s": "{incremental.start_value}"},
                       "incremental": {"lag": 5, "lookback_window": 6}}},
         "endpoint.incremental.lookback_window has no effect: lag takes precedence"),
        ({"endpoint": {"paginator": {"type": "page_number", "total_path": "total",
                                     "total_pages_path": "pages"}}},
         "endpoint.paginator.total_path has no effect: total_pages_path takes precedence"),
        ({"endpoint": {"paginator": {"max_pages": 5, "guards": {"max_pages": 6}}}},
         "endpoint.paginator.guards.max_pages has no effect: endpoint.paginator.max_pages takes "
         "precedence"),
        *(({"endpoint": {"incremental": {"cursor_path": "at", name: value}}},
           f"endpoint.incremental.{name} has no effect: nothing sends {SINCE}")
          for name, value in (("lag", 5), ("lookback_window", 5), ("comparison", "gt"),
                              ("granularity", "day"))),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_named(settings: Any, said: str) -> None:
    assert parse_connector(settings, api_url=URL).unused == (said,)
    with pytest.raises(ConfigError) as caught:
        parse_connector(settings, api_url=URL, strict=True)
    assert said in caught.value.message


@pytest.mark.once
def test_a_lag_is_used_without_a_filter_too() -> None:
    """To choose among all records, or for the list of deletions."""
    for endpoint in (
        {"incremental": {"cursor_path": "at", "client_side": True, "lag": 5}},
        {"incremental": {"lag": 5}, "deletes": {"mode": "feed", "path": f"gone?since={SINCE}"}},
    ):
        assert parse_connector({"endpoint": endpoint}, api_url=URL).unused == ()


@pytest.mark.once
def test_a_primary_key_has_no_effect_under_another_external_id_field() -> None:
    settings = {"endpoint": {"primary_key": ["code"]}}
    said = "endpoint.primary_key has no effect: External ID Field takes precedence"
    for id_field, unused in (("id", (said,)), ("code", ()), (" ", ()), (None, ())):
        found = parse_connector(settings, api_url=URL, id_field=id_field)
        assert found.unused == unused, id_field


@pytest.mark.once
def test_a_run_goes_on_and_a_draft_is_refused(world: Any) -> None:
    w = world([compound(n) for n in range(3)])
    w.configure(**{"Connector Settings": {"endpoint": {"paginator": {"next_url_path": "next"}}}})
    run = w.sync()
    assert w.written() == 3
    assert [warning["code"] for warning in run.warnings] == ["setting_unused"]
    assert SAID in run.warnings[0]["text"]
    found = {check.name: check for check in doctor.examine()}["Connector Settings"]
    assert found.state == "warning" and SAID in found.finding
    draft = starting.start_draft(
        client_of_settings(), plain_source, title="t", actor="ann", from_live=True
    )
    assert SAID in drafts.fault_of(draft)
    hindrances = plan_publish(MappingDraft.objects.get(), client_of_settings()).hindrances
    assert any(SAID in hindrance.message for hindrance in hindrances)


@pytest.mark.once
def test_faults_are_told_at_once_and_without_a_mapping(world: Any) -> None:
    w = world([compound(n) for n in range(3)])
    endpoint = {"paginator": {"type": "nosuch"}, "nonsense": 1}
    w.configure(**{"Field Configurations": [], "Connector Settings": {"endpoint": endpoint}})
    run = w.sync()
    for said in ("Field Configurations has no rows", "“nosuch”", "endpoint.nonsense is unknown"):
        assert said in run.error
    checks = {check.name: check for check in doctor.examine()}
    for said in ("“nosuch”", "endpoint.nonsense is unknown"):
        assert said in checks["Connector Settings"].finding
    w.configure(**{"Connector Settings": None})
    checks = {check.name: check for check in doctor.examine()}
    assert checks["Registry"].state == "ok" and "3 of 3 records" in checks["Registry"].finding
    assert checks["Configuration"].state == "bad"
    assert "has no rows" in checks["Configuration"].finding
