"""Secrets planted in a deployment, and the search for them in everything that it writes."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

from django.contrib.sessions.models import Session
from django.db import connection
from redis import Redis


def plant(name: str) -> str:
    """Return a secret whose characters are written otherwise in URLs, JSON and HTML."""
    return f'Zq7"+{name}/k=&'


def forms(secret: str) -> Iterator[str]:
    """Yield the ways in which a secret may be written: plain, escaped, or within base64."""
    for text in (secret, json.dumps(secret)[1:-1]):
        yield from (text, json.dumps(text)[1:-1], quote(text, safe=""), quote(text))
        yield from (quote_plus(text), html.escape(text), repr(text)[1:-1])
    yield from _in_base64(secret)


def _in_base64(secret: str) -> Iterator[str]:
    """Yield what base64 makes of a secret, whatever stands before and behind it."""
    for before in range(3):
        raw = b"\0" * before + secret.encode()
        whole = raw[: len(raw) // 3 * 3]
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(whole).decode()[4 if before else 0 :]


def leaks(places: Iterable[tuple[str, str]], secrets: dict[str, str]) -> set[tuple[str, str]]:
    """Return which secret is written in which place, whole or cut short, as pairs of names."""
    wanted = {n: {form[:10] for form in forms(secret)} for n, secret in secrets.items()}
    found = set()
    for place, text in places:
        for seen in {text, unquote_plus(text)}:
            found |= {(place, n) for n, some in wanted.items() if any(one in seen for one in some)}
    return found


def in_database() -> Iterator[tuple[str, str]]:
    """Yield each table's rows, and what sessions say when they are read."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            yield f"table {table}", "\n".join(" ".join(map(str, row)) for row in cursor)
    for session in Session.objects.all():
        yield "session", json.dumps(session.get_decoded())


def in_redis(redis: Redis) -> Iterator[tuple[str, str]]:
    """Yield every key with what it holds; jobs are compressed."""
    for key in redis.scan_iter():
        kind = redis.type(key)
        read: dict[bytes, Any] = {
            b"hash": lambda key: [part for pair in redis.hgetall(key).items() for part in pair],
            b"list": lambda key: redis.lrange(key, 0, -1),
            b"set": redis.smembers,
            b"zset": lambda key: redis.zrange(key, 0, -1),
            b"string": lambda key: [redis.get(key)],
        }
        for part in read.get(kind, lambda key: [])(key):
            yield "Redis", _plain(key) + _plain(part)


def _plain(raw: bytes) -> str:
    with contextlib.suppress(zlib.error):
        raw = zlib.decompress(raw)
    return raw.decode(errors="replace")
