"""How Benchling signs webhooks. https://docs.benchling.com/docs/webhook-verification"""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto import jwk


class Signer:
    """The tenant's key for webhooks, and how it signs."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    def jwks(self) -> str:
        """Return the public keys, as Benchling publishes them."""
        public = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        keys = jwk.JWKSet()
        keys.add(jwk.JWK.from_pem(public))
        return str(keys.export(private_keys=False))

    def headers(self, body: str, *, webhook_id: str, timestamp: int) -> dict[str, str]:
        """Sign a body: ECDSA P-256 over id, time and body, DER, base64."""
        signed = f"{webhook_id}.{timestamp}.{body}".encode()
        signature = base64.b64encode(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))).decode()
        return {
            "Content-Type": "application/json",
            "Webhook-Id": webhook_id,
            "Webhook-Timestamp": str(timestamp),
            "Webhook-Signature": f"v1bder,{signature}",
        }
