"""Signatures by the app's own private key: JWS, PS256 (RFC 7515), for files and for messages.

Whoever has the public key of the manifest can check them, and no further secret is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from jwcrypto import jwk, jws
from jwcrypto.common import JWException

ALGORITHM = "PS256"
ID, TIME, SIGNATURE = "Registry-Sync-Id", "Registry-Sync-Timestamp", "Registry-Sync-Signature"


def seal(payload: bytes, private_key: str, *, detached: bool = False) -> str:
    """Sign; a detached signature leaves the payload out (RFC 7515, appendix F)."""
    made = jws.JWS(payload)
    key = jwk.JWK.from_pem(private_key.encode())
    made.add_signature(key, None, json.dumps({"alg": ALGORITHM}), None)
    if detached:
        made.detach_payload()
    return str(made.serialize(compact=True))


def opened(token: str, key: str) -> bytes:
    """Give the payload of a signature that is good by this key. Raises ValueError."""
    return _verified(token, key, None)


def headers(message_id: str, at: int, body: bytes, private_key: str) -> dict[str, str]:
    """Sign a message: the signature covers its id, its time in seconds since 1970 and its body."""
    signature = seal(_message(message_id, str(at), body), private_key, detached=True)
    return {ID: message_id, TIME: str(at), SIGNATURE: signature}


def message_fault(received: Mapping[str, str], body: bytes, key: str) -> str:
    """Say what is wrong with a message's signature; "" where it is good."""
    message = _message(received.get(ID, ""), received.get(TIME, ""), body)
    try:
        _verified(received.get(SIGNATURE, ""), key, message)
    except ValueError as error:
        return str(error)
    return ""


def _message(message_id: str, at: str, body: bytes) -> bytes:
    return f"{message_id}.{at}.".encode() + body


def _verified(token: str, key: str, detached: bytes | None) -> bytes:
    try:
        made = jws.JWS()
        made.allowed_algs = [ALGORITHM]
        made.deserialize(token)
        made.verify(jwk.JWK.from_pem(key.encode()), detached_payload=detached)
    except (JWException, ValueError, TypeError) as error:
        raise ValueError(f"no signature by this key ({type(error).__name__})") from error
    return bytes(made.payload) if detached is None else detached
