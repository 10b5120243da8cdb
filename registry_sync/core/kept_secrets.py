"""Secrets that the database keeps: encrypted for the app's own key pair, as Benchling does.

A backup of the database then has none of them, and needs the private key to use them.
https://datatracker.ietf.org/doc/html/rfc7516
"""

from __future__ import annotations

import json

from jwcrypto import jwe, jwk
from jwcrypto.common import JWException

from registry_sync.core.signing import parsed_key

HEADER = json.dumps({"alg": "RSA-OAEP-256", "enc": "A256GCM"})


def encrypt(secret: str, private_key: str) -> str:
    """Return a secret as a JWE for the public half of a PEM key. Raise ValueError."""
    try:
        public = jwk.JWK.from_json(parsed_key(private_key).export_public())
        return str(jwe.JWE(secret.encode(), HEADER, recipient=public).serialize(compact=True))
    except JWException as error:
        raise ValueError(f"this key cannot encrypt ({type(error).__name__})") from error


def decrypt(token: str, private_key: str) -> str:
    """Return the secret of a JWE. Raise ValueError if it was encrypted for another key."""
    try:
        encrypted = jwe.JWE()
        encrypted.deserialize(token, key=parsed_key(private_key))
        return bytes(encrypted.payload).decode()
    except (JWException, TypeError) as error:
        raise ValueError(f"this key cannot decrypt it ({type(error).__name__})") from error
