"""How Benchling signs webhooks. https://docs.benchling.com/docs/webhook-verification"""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwcrypto import jwk


class Signer:
    """The tenant's keys for webhooks, and how it signs.

    Keys rotate: several are published at once, and a webhook is signed with each of them, in both
    encodings of a signature.
    """

    def __init__(self) -> None:
        self.keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]

    def rotate(self) -> None:
        """Publish a new key in place of the oldest."""
        self.keys = [*self.keys[1:], ec.generate_private_key(ec.SECP256R1())]

    def jwks(self) -> str:
        """Return the public keys, as Benchling publishes them."""
        keys = jwk.JWKSet()
        for key in self.keys:
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            keys.add(jwk.JWK.from_pem(public))
        return str(keys.export(private_keys=False))

    def headers(self, body: str, *, webhook_id: str, timestamp: int) -> dict[str, str]:
        """Sign a body: ECDSA P-256 over id, time and body, in base64.

        `v1b` is the signature's two numbers side by side, `v1bder` the same in DER.
        """
        signed = f"{webhook_id}.{timestamp}.{body}".encode()
        signatures = []
        for key in self.keys:
            der = key.sign(signed, ec.ECDSA(hashes.SHA256()))
            raw = b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(der))
            signatures += [f"v1b,{_base64(raw)}", f"v1bder,{_base64(der)}"]
        return {
            "Content-Type": "application/json",
            "Webhook-Id": webhook_id,
            "Webhook-Timestamp": str(timestamp),
            "Webhook-Signature": " ".join(signatures),
        }


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
