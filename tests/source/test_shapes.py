"""Answer shapes of many registries: followed, or not green with the setting written out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry_sync.core.problems import SourceError
from registry_sync.source.client import Source
from tests.support.shapes import ALL, SHAPES

pytestmark = pytest.mark.once
FOLLOWED = {
    "Kinto: Next-Page header", "Salesforce: nextRecordsUrl, done", "ORDS: links and hasMore",
    "NetSuite: links first, totalResults", "FHIR: link with relation and url",
    "Facebook: paging.next beside cursors", "Asana: next_page.uri", "Zendesk: next_page and count",
    "Zendesk: meta.has_more and links.next", "Azure: nextLink", "Bitbucket: next, pagelen, page",
    "UniProt: Link header, X-Total-Results", "JSON:API: links.next",
    "JSON:API: links.next as an object", "HAL: _links.next.href, page.totalPages",
    "DRF: next and count", "tastypie: meta.next, relative", "a relative next without a slash",
    "OData v4: @odata.nextLink and count", "OData v2: d.__next and __count", "Hydra: hydra:view",
    "a pagination object with next_url", "Laravel: meta.last_page and links.next",
    "Datasette: next and next_url",
}  # fmt: skip
SELECTORS = {
    "FHIR: link with relation and url": "entry",
    "OData v2: d.__next and __count": "d.results",
    "Elasticsearch: hits.total.value": "hits.hits",
    "Solr: numFound": "response.docs",
}
"""Where the records are, for shapes that have them deeper."""


def read(source: Source) -> tuple[list[str | None], str]:
    """Return the ids that came, and what makes the run not green, "" if nothing does."""
    came: list[str | None] = []
    said = ""
    try:
        for page in source.pages(None):
            came += [source.identify(record) for record in page.records]
            said = said or "".join(f"{sign.text} {sign.remedy}" for sign in page.signs)
    except SourceError as error:
        return came, f"{error.message} {error.remedy}"
    return came, said


def settings_in(said: str) -> dict[str, Any]:
    """Return the Connector Settings that a message has written out."""
    found, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
    return dict(found)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.invariant(5)
def test_no_shape_is_green_with_fewer_than_all(serve: Any, name: str) -> None:
    registry = serve(SHAPES[name])
    endpoint = {"data_selector": SELECTORS[name]} if name in SELECTORS else {}
    came, said = read(registry.source({"endpoint": endpoint}))
    assert (came == ALL and not said) == (name in FOLLOWED), said
    if name in FOLLOWED:
        return
    endpoint |= settings_in(said)["endpoint"]
    came, said = read(registry.source({"endpoint": endpoint}))
    assert list(dict.fromkeys(came)) == ALL and len(came) == len(ALL), endpoint
    assert not said
