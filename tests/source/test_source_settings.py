"""Connector Settings: what is read, what is refused, and that all faults are said at once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.core.problems import ConfigError
from registry_sync.source.connector_settings import parse_connector

pytestmark = pytest.mark.once
URL = "https://registry.example/api/compounds"
SINCE = "{incremental.start_value}"


def parse(settings: Any = None, **options: Any) -> Any:
    return parse_connector(settings, **{"api_url": URL, **options})


def refusal(settings: Any, **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(settings, **options)
    assert caught.value.kind == "mapping" and "Connector Settings" in caught.value.remedy
    return caught.value.message


def test_the_seeds_items_alone_do() -> None:
    for nothing in (None, {}):
        read = parse(nothing)
        assert read.list_url == URL and read.method == "GET" and read.params == {}
        assert read.auth.type == "bearer" and read.paginator.type == "auto"
        assert read.id_paths == ("id",) and read.incremental is None
        assert read.collection == URL


def test_modified_since_parameter_makes_it_incremental() -> None:
    read = parse(modified_since_parameter="updated_after")
    assert read.params == {"updated_after": SINCE}
    assert read.incremental.lag == timedelta(minutes=5) and read.incremental.cursor_path == ""


def test_a_whole_connector() -> None:
    read = parse(
        {
            "client": {
                "base_url": "https://other.example/v2/",
                "headers": {"Prefer": "odata.maxpagesize=500", "X-Version": 2},
                "auth": {"type": "api_key", "name": "X-Key", "location": "query"},
            },
            "endpoint": {
                "path": "/items",
                "params": {"$filter": f"m ge {SINCE}", "all": True, "fields": ["a", "b"], "n": 5},
                "data_selector": "value",
                "primary_key": ["doc.no", "rev"],
                "paginator": {"type": "offset", "limit": 100, "guards": {"max_pages": 9}},
                "incremental": {
                    "cursor_path": "meta.modified",
                    "datetime_format": "%Y-%m-%d",
                    "timezone": "Europe/Berlin",
                    "granularity": "day",
                    "lag": "2 h",
                    "initial_value": "2020-01-01",
                    "comparison": "gt",
                },
                "detail": {"path": "items/{id}", "data_selector": "item"},
                "response_actions": [{"status_code": 404, "action": "ignore"}],
            },
            "registry_id_template": "CDD-{id}",
            "identity": ["structure.inchikey", "smiles"],
        }
    )
    assert read.list_url == "https://other.example/v2/items"
    assert read.headers == {"Prefer": "odata.maxpagesize=500", "X-Version": "2"}
    assert read.params["all"] == "true" and read.params["fields"] == ["a", "b"]
    assert read.id_paths == ("doc.no", "rev") and read.id_path == "doc.no + rev"
    assert (read.paginator.limit, read.paginator.max_pages) == (100, 9)
    assert read.incremental.lag == timedelta(days=1), "never less than the granularity"
    assert read.address("items/5") == "https://other.example/v2/items/5"
    assert read.registry_id_template == "CDD-{id}"
    assert read.identity == ("structure.inchikey", "smiles")


def test_external_id_field_wins_over_primary_key() -> None:
    settings = {"endpoint": {"primary_key": "pk"}}
    assert parse(settings, id_field="code").id_paths == ("code",)
    assert parse(settings, id_field=" ").id_paths == ("pk",)
    assert parse(settings).id_paths == ("pk",)


@pytest.mark.parametrize(
    ("api_url", "path", "whole"),
    [
        ("https://r.example", "items", "https://r.example/items"),
        ("https://r.example/api/", "/items", "https://r.example/api/items"),
        ("https://r.example/api", "items.json?x=1", "https://r.example/api/items.json?x=1"),
        ("https://r.example/api?x=1", "", "https://r.example/api?x=1"),
        ("https://r.example/api", "https://s.example/items", "https://s.example/items"),
    ],
)
def test_the_lists_address(api_url: str, path: str, whole: str) -> None:
    assert parse({"endpoint": {"path": path}}, api_url=api_url).list_url == whole


def test_the_collection_holds_no_query() -> None:
    read = parse(api_url="https://Registry.example:8443/API/c?shape=x")
    assert read.collection == "https://registry.example:8443/API/c"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"clinet": {}}, "clinet is unknown"),
        ({"client": []}, "client must be an object"),
        ([1], "the whole must be an object"),
        ({"client": {"bas_url": "x"}}, "client.bas_url is unknown"),
        ({"endpoint": {"parms": {}}}, "endpoint.parms is unknown"),
        ({"endpoint": {"paginator": "offest"}}, "endpoint.paginator.type “offest” is not one of"),
        ({"endpoint": {"paginator": {"limit": "5"}}}, "endpoint.paginator.limit must be a whole"),
        ({"endpoint": {"paginator": {"limit": 0}}}, "endpoint.paginator.limit must be a whole"),
        ({"endpoint": {"paginator": "cursor"}}, "endpoint.paginator.cursor_path is required"),
        ({"endpoint": {"data_selector": "a["}}, "endpoint.data_selector: the path a["),
        ({"endpoint": {"primary_key": ["id", "b["]}}, "endpoint.primary_key: the path b["),
        ({"endpoint": {"primary_key": 5}}, "endpoint.primary_key must be text"),
        ({"endpoint": {"method": "DELETE"}}, "endpoint.method “DELETE” is not one of GET, POST"),
        ({"endpoint": {"json": []}}, "endpoint.json must be an object"),
        ({"endpoint": {"params": {"a": {"b": 1}}}}, "endpoint.params.a must be text"),
        ({"client": {"headers": {"A": "x\r\nB: y"}}}, "client.headers.A must be one line"),
        ({"client": {"auth": {"type": "api_key"}}}, "client.auth.name is required for api_key"),
        ({"client": {"auth": "http_basic"}}, "client.auth.username is required"),
        (
            {"client": {"auth": "oauth2_client_credentials"}},
            "client.auth.access_token_url is required",
        ),
        (
            {"client": {"auth": {"type": "api_key", "name": "a", "location": "body"}}},
            "client.auth.location “body” is not one of",
        ),
        ({"client": {"auth": {"scopes": [1]}}}, "client.auth.scopes must be text"),
        ({"client": {"base_url": "ftp://x"}}, "client.base_url is not a valid URL"),
        ({"endpoint": {"params": {"s": SINCE}}}, "endpoint.incremental is missing"),
        *(
            (
                {"endpoint": {"params": {"q": text}, "incremental": {}}},
                "initial_value is missing: a full read would leave out all of endpoint.params.q",
            )
            for text in (
                f"Plant eq '1000' and LastChange ge {SINCE}",
                f"active=true^sys_updated_on>={SINCE}",
                f'[["disabled","=",0],["modified",">=","{SINCE}"]]',
                [f"status:active AND changed:[{SINCE} TO *]"],
            )
        ),
        (
            {"endpoint": {"params": {"s": "{incremental.end_value}"}}},
            "{incremental.end_value} in endpoint is not built yet",
        ),
        (
            {"endpoint": {"params": {"s": "{Incremental.Since}"}}},
            "{Incremental.Since} in endpoint is",
        ),
        (
            {"endpoint": {"params": {"p": "{page}"}}},
            "{page} in endpoint is not filled by the paginator",
        ),
        (
            {"endpoint": {"params": {"p": "{page}"}, "paginator": "offset"}},
            "{page} in endpoint is not filled by the paginator of type offset",
        ),
        ({"client": {"headers": {"A": "→"}}}, "client.headers.A must be one line of plain"),
        ({"client": {"auth": {"type": "api_key", "name": "X\nY"}}}, "client.auth.name must be one"),
        (
            {"endpoint": {"json": {"since": SINCE}, "incremental": {}}},
            "endpoint.incremental.initial_value is missing",
        ),
        ({"endpoint": {"detail": {"path": "items"}}}, "endpoint.detail.path must contain {id}"),
        (
            {"endpoint": {"detail": {"path": "{id}", "concurrency": 4}}},
            "concurrency above 1 is not",
        ),
        ({"endpoint": {"response_actions": {}}}, "endpoint.response_actions must be a list"),
        (
            {"endpoint": {"response_actions": [{"action": "explode", "status_code": 1}]}},
            "endpoint.response_actions[0].action “explode” is not one of",
        ),
        (
            {"endpoint": {"response_actions": [{"action": "fail"}]}},
            "endpoint.response_actions[0] must say when",
        ),
        ({"registry_id_template": "CDD"}, "registry_id_template must contain {id} once"),
        ({"registry_id_template": "{id}-{x}"}, "registry_id_template must contain {id} once"),
        ({"identity": "a["}, "identity: the path a["),
    ],
)
def test_faults_are_named_by_their_path(settings: Any, said: str) -> None:
    assert said in refusal(settings)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone “Mars/Olympus” is not a time zone"),
        ({"timezone": "../../etc/passwd"}, "is not a time zone"),
        ({"granularity": "week"}, "granularity “week” is not one of"),
        ({"granularity": "P2D"}, "granularity “P2D” is not one of"),
        ({"granularity": "PT0S"}, "nor an ISO 8601 duration of at most a day such as PT1M"),
        ({"granularity": True}, "granularity true is not one of"),
        ({"datetime_format": "YYYY-MM-DD"}, "datetime_format “YYYY-MM-DD” is neither"),
        ({"datetime_format": "%d.%m.%d"}, "datetime_format “%d.%m.%d” cannot be used: it has %d"),
        ({"datetime_format": "%Y-%m-%d %Z"}, "%Z cannot be used"),
        ({"lag": "P1M"}, "lag “P1M” is not a duration"),
        ({"lag": "-PT5M"}, "lag “-PT5M” is not a duration"),
        ({"lag": "P9999999999D"}, "is not a duration"),
        ({"initial_value": "yesterday"}, "initial_value “yesterday” is not a valid time"),
        ({"lag": "a while"}, "lag “a while” is not a duration"),
        ({"lag": True}, "lag true is not a duration"),
        ({"lag": -5}, "lag -5 is not a duration"),
        ({"comparison": "ge"}, "comparison “ge” is not one of"),
        ({"cursor": "m"}, "endpoint.incremental.cursor is unknown"),
        ({"client_side": True}, "endpoint.incremental.client_side needs cursor_path"),
        ({"client_side": "yes"}, "endpoint.incremental.client_side must be true or false"),
    ],
)
def test_faults_of_the_time(terms: Any, said: str) -> None:
    endpoint = {"params": {"since": SINCE}, "incremental": terms}
    assert said in refusal({"endpoint": endpoint})


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"client": {"auth": {"type": "session"}}}, "client.auth.type “session”"),
        ({"client": {"rate": {"max_per_second": 5}}}, "client.rate"),
        ({"endpoint": {"paginator": "async_export"}}, "endpoint.paginator.type “async_export”"),
        ({"endpoint": {"paginator": "range_header"}}, "endpoint.paginator.type “range_header”"),
        ({"client": {"auth": {"type": "session", "login_path": "/l"}}}, "client.auth.login_path"),
        ({"endpoint": {"paginator": {"type": "async_export", "create": "x"}}}, "paginator.create"),
        ({"endpoint": {"path": f"x?since={SINCE}"}}, f"{SINCE} in endpoint.path"),
        ({"client": {"headers": {"X-Since": SINCE}}}, f"{SINCE} in client.headers"),
    ],
)
def test_what_is_not_built_is_refused_by_name(settings: Any, name: str) -> None:
    assert f"{name} is not built yet" in refusal(settings)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{"endpoint": {"params": {"x": 1e400}}}', "endpoint.params.x must be a finite number, not "
         "Infinity"),
        ('{"endpoint": {"params": {"x": [1, NaN]}}}', "endpoint.params.x[1] must be a finite"),
        ('{"endpoint": {"json": {"a": {"b": -Infinity}}}}', "endpoint.json.a.b must be a finite"),
        ('{"client": {"headers": {"X-A": NaN}}}', "client.headers.X-A must be a finite"),
        ('{"endpoint": {"empty_values": ["", NaN]}}', "endpoint.empty_values[1] must be a finite"),
        ('{"scope": [{"path": "a", "is": NaN}]}', "scope[0].is must be a finite"),
    ],
)  # fmt: skip
def test_a_number_that_no_json_has_is_refused_by_its_path(written: str, said: str) -> None:
    assert said in refusal(json.loads(written))


def test_what_is_not_built_may_be_turned_off() -> None:
    parse({"endpoint": {"deletes": {"mode": "none"}}, "client": {"rate": None}})


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"client": {"auth": {"type": "bearer", "token": "HUSH"}}}, "client.auth.token"),
        ({"client": {"auth": {"password": "HUSH"}}}, "client.auth.password"),
        ({"client": {"auth": {"api_key": "HUSH"}}}, "client.auth.api_key"),
        ({"client": {"auth": {"client_secret": "HUSH"}}}, "client.auth.client_secret"),
        ({"client": {"token": "HUSH"}}, "client.token"),
        ({"api_key": "HUSH"}, "api_key"),
        ({"client": {"headers": {"Authorization": "HUSH"}}}, "client.headers.Authorization"),
        ({"client": {"headers": {"X-API-Key": "HUSH"}}}, "client.headers.X-API-Key"),
        ({"client": {"headers": {"x-cdd-token": "HUSH"}}}, "client.headers.x-cdd-token"),
        ({"endpoint": {"params": {"token": "HUSH"}}}, "endpoint.params.token"),
        ({"endpoint": {"json": {"a": [{"password": "HUSH"}]}}}, "endpoint.json.a[0].password"),
    ],
)
@pytest.mark.invariant(9)
def test_secrets_are_refused_and_not_repeated(settings: Any, where: str) -> None:
    message = refusal(settings)
    assert f"{where} is a secret" in message and "HUSH" not in message


@pytest.mark.parametrize(
    "url",
    [
        "https://user:HUSH@registry.example/x",
        "https://HUSH@registry.example/x",
        "https://registry.example/x?token=HUSH",
        "https://registry.example/x?api_key=HUSH",
        "https://registry.example/x?a=1&access_token=HUSH",
    ],
)
@pytest.mark.invariant(9)
def test_a_secret_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    message = refusal(None, api_url=url)
    assert "API URL contains a secret" in message and "HUSH" not in message


@pytest.mark.parametrize(
    "url",
    ["", "registry", "ftp://x/y", "https://", "http://[::1", "https://a:b/", "https://a..b/",
     f"https://{64 * 'a'}.example/", "https://li ms/", "https://a\u2024/"],
)  # fmt: skip
def test_an_address_must_be_one(url: str) -> None:
    assert "is not a valid URL" in refusal(None, api_url=url)


def test_a_cursor_parameter_called_token_is_no_secret() -> None:
    read = parse(
        {
            "endpoint": {
                "params": {"page_token": "{cursor}"},
                "paginator": {"type": "cursor", "cursor_path": "next", "initial_cursor": ""},
            }
        }
    )
    assert read.params == {"page_token": "{cursor}"}


def test_all_faults_are_said_at_once() -> None:
    message = refusal(
        {
            "client": {"auth": {"type": "session", "password": "x"}},
            "endpoint": {"paginator": {"type": "cursor"}, "parms": 1},
        }
    )
    for fault in ("“session”", "client.auth.password", "cursor_path", "endpoint.parms"):
        assert fault in message


@pytest.mark.parametrize(
    ("lag", "comparison", "seconds"),
    [
        (None, None, 300),
        (0, None, 0),
        (0, "gte", 0),
        (0, "gt", 1),
        (90, None, 90),
        ("90", None, 90),
        ("1.5 min", None, 90),
        ("2 d", None, 172800),
        ("PT5M", None, 300),
        ("P1DT2H", None, 93600),
        ("PT0,5S", "gt", 1),
    ],
)
def test_lags(lag: Any, comparison: Any, seconds: float) -> None:
    terms = {k: v for k, v in (("lag", lag), ("comparison", comparison)) if v is not None}
    read = parse({"endpoint": {"params": {"s": SINCE}, "incremental": terms}})
    assert read.incremental.lag == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("granularity", "seconds", "lag"),
    [("minute", 60, 60), ("PT1M", 60, 60), ("PT15M", 900, 900), ("P1D", 86400, 86400),
     ("PT0.001S", 0.001, 0), ("PT24H", 86400, 86400), (None, 1, 0)],
)  # fmt: skip
def test_granularity_is_a_word_or_a_duration(granularity: Any, seconds: float, lag: int) -> None:
    terms = {"lag": 0} | ({"granularity": granularity} if granularity else {})
    read = parse({"endpoint": {"params": {"s": SINCE}, "incremental": terms}})
    assert read.incremental.granularity == timedelta(seconds=seconds)
    assert read.incremental.lag == timedelta(seconds=lag), "a coarse one is covered by the lag"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("client", "endpoint", "auth", "type", "headers", "scopes", "params", "json", "path"),
        *("paginator", "guards", "limit", "incremental", "timezone", "lag", "granularity"),
        *("detail", "response_actions", "primary_key", "identity"),
    ]
)
SHAPED = st.recursive(JSON, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)


@given(SHAPED, st.text(max_size=30))
def test_any_json_gives_a_connector_or_a_config_error(settings: Any, url: str) -> None:
    for api_url in (URL, url):
        try:
            read = parse_connector(settings, api_url=api_url)
        except ConfigError as error:
            assert error.message.endswith(".")
        else:
            assert read.collection


def test_a_start_that_nothing_sends_is_allowed() -> None:
    """The times are still read, and the registry may have no filter."""
    read = parse({"endpoint": {"incremental": {"cursor_path": "modified_at"}}})
    assert read.incremental.cursor_path == "modified_at" and not read.sends_since
    assert parse({"endpoint": {"incremental": {}, "params": {"since": SINCE}}}).sends_since
