"""Signatures by the app's own private key: JWS with PS256, for files and for messages.

They are verified with the public key of the manifest, so that no further secret is needed.
https://datatracker.ietf.org/doc/html/rfc7515
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from jwcrypto import jwk, jws
from jwcrypto.common import JWException, base64url_decode

ALGORITHM = "PS256"
ID, TIME, SIGNATURE = "Registry-Sync-Id", "Registry-Sync-Timestamp", "Registry-Sync-Signature"
STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")
"""The names of Standard Webhooks for the same three values."""


def sign_payload(
    payload: bytes,
    private_key: str,
    *,
    detached: bool = False,
    header: dict[str, Any] | None = None,
) -> str:
    """Return a signature of a payload, by a PEM key; a detached one leaves the payload out.

    `header` is signed as well; a reader that does not know it ignores it. Raise ValueError if the
    key cannot sign.
    https://datatracker.ietf.org/doc/html/rfc7515#appendix-F
    """
    signature = jws.JWS(payload)
    protected = json.dumps({"alg": ALGORITHM, **(header or {})})
    try:
        signature.add_signature(parsed_key(private_key), None, protected, None)
    except JWException as error:  # not an RSA key, or a public one
        raise ValueError(f"this key cannot sign ({type(error).__name__})") from error
    if detached:
        signature.detach_payload()
    return str(signature.serialize(compact=True))


@lru_cache(maxsize=4)
def parsed_key(pem: str) -> jwk.JWK:
    """Return a parsed PEM key, once per process. Raise ValueError.

    Whether its numbers are primes is a question of 40 ms each time, which doctor asks: a key that
    is none decrypts and signs nothing.
    """
    key = jwk.JWK()
    key.unsafe_skip_rsa_key_validation = True
    key.import_from_pem(pem.encode())
    return key


def thumbprint(pem: str) -> str:
    """Return by what a PEM key is recognized, private or public: 12 characters. Raise ValueError.

    https://datatracker.ietf.org/doc/html/rfc7638
    """
    return str(parsed_key(pem).thumbprint())[:12]


def message_headers(message_id: str, at: int, body: bytes, private_key: str) -> dict[str, str]:
    """Return the headers of a message, signed with its id, its time and its body.

    `at` is in seconds since 1970. The headers come by two names. Standard Webhooks signs the same
    content, but knows HMAC (v1) and Ed25519 (v1a) only; Benchling's key is RSA, so the signature
    has a version of its own, which the standard's libraries skip.
    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    signed = f"{message_id}.{at}.".encode() + body
    signature = sign_payload(signed, private_key, detached=True)
    standard = zip(STANDARD, (message_id, str(at), f"ps256,{signature}"), strict=True)
    return {ID: message_id, TIME: str(at), SIGNATURE: signature, **dict(standard)}


def verify(token: str, key: str, detached: bytes | None = None) -> bytes:
    """Return the payload of a signature, which is `detached` if the token is without one.

    Raise ValueError if the signature is not valid by this PEM key.
    """
    try:
        signature = jws.JWS()
        signature.allowed_algs = [ALGORITHM]
        signature.deserialize(token)
        signature.verify(parsed_key(key), detached_payload=detached)
    except (JWException, ValueError, TypeError) as error:
        raise ValueError(f"not a valid signature by this key ({type(error).__name__})") from error
    return bytes(signature.payload) if detached is None else detached


def header_of(token: str) -> dict[str, Any]:
    """Return the header of a signature that was verified."""
    header: dict[str, Any] = json.loads(base64url_decode(token.partition(".")[0]))
    return header
