"""Archive and unarchive entities, and count the containers that hold them.

https://benchling.com/api/reference (archiveCustomEntities, listContainers)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from registry_sync.benchling.client import Client
from registry_sync.benchling.filters import joined_for_filter, short_lists


def archive(client: Client, entity_ids: Sequence[str], reason: str) -> int:
    """Archive entities, all or none, and return how many batches Benchling archived with them.

    A repeated request changes nothing. Raise Refused, with Benchling's reason.
    """
    kind = client.entity_type
    body = {kind.ids_key: list(entity_ids), "reason": reason}
    return len(client.call("post", kind.archive_path(), body).get("batchIds") or ())


def unarchive(client: Client, entity_ids: Sequence[str]) -> None:
    """Unarchive entities, all or none. Raise Refused, with Benchling's reason."""
    kind = client.entity_type
    client.call("post", kind.unarchive_path(), {kind.ids_key: list(entity_ids)})


def containers_of(client: Client, entity_ids: Sequence[str]) -> Counter[str]:
    """Return how many containers in use hold each entity. Raise Refused if they cannot be read."""
    found: Counter[str] = Counter()
    requested = set(entity_ids)
    for chunk in short_lists(entity_ids):
        for page in client.pages(
            "containers", "containers", storageContentsIds=joined_for_filter(chunk)
        ):
            for container in page:
                if container.get("archiveRecord"):
                    continue
                contained_ids = {
                    str((content.get("entity") or {}).get("id"))
                    for content in container.get("contents") or ()
                }
                found.update(contained_ids & requested)
    return found
