"""Answers about tasks, cut down to what is read of them before anything parses them.

Parsed as a whole, an upsert of 2,500 entities takes 30 MB, and the SDK keeps its text as well.
"""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

LARGE = 65_536
"""Bytes from which on an answer is cut down."""
SIZES = ("content-encoding", "content-length", "transfer-encoding")


class _Written(msgspec.Struct, omit_defaults=True):
    id: str | None = None
    entityRegistryId: str | None = None
    canonicalizedSmiles: str | None = None


class _Task(msgspec.Struct, omit_defaults=True):
    status: str
    message: str | None = None
    errors: Any = None
    response: dict[str, list[_Written]] | None = None


def without_values(response: httpx.Response) -> httpx.Response:
    """Return a large answer about a task with what is read of it alone, others as they are."""
    if len(response.content) < LARGE or "/tasks/" not in response.request.url.path:
        return response
    try:
        task = msgspec.json.decode(response.content, type=_Task)
    except msgspec.DecodeError:
        return response
    headers = [(name, value) for name, value in response.headers.items() if name not in SIZES]
    content, request = msgspec.json.encode(task), response.request
    return httpx.Response(response.status_code, headers=headers, content=content, request=request)
