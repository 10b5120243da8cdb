"""Who must act on a token service that gives no token, by its status and words. Pure."""

from __future__ import annotations

import re

from registry_sync.core.late_patterns import pattern
from registry_sync.source.answers.refusal_words import ADDRESS, OUT_OF_ORDER

CHECK_AUTH = "The integration owner checks client.auth in Connector Settings"
ENTER_SECRET = f"{CHECK_AUTH} and enters a valid client secret in API Key."
FIX_SERVICE = (
    f"{CHECK_AUTH}: access_token_url must be the address of the token service. If it is, the "
    "registry's owner checks the service."
)
ALLOW_GRANT = (
    "The registry's owner allows this client the grant client_credentials, the only one that this "
    "app supports."
)
ALLOW_ADDRESS = "The registry's owner allows the address of this server at the token service."
ALLOW_CLIENT = (
    "The registry's owner checks what the token service allows this client, against these words. "
    "The client secret is not at fault."
)
ALLOW_SECRET = (
    "The registry's owner lets this client sign in with a client secret, and gives it bearer "
    "tokens. This app supports no other way."
)
ALLOW_FORM = (
    "The registry's owner configures the token service to accept a form "
    "(application/x-www-form-urlencoded), as OAuth 2 requires. This app sends no other."
)
CHECK_SERVICE = "The registry's owner checks the token service; the next run tries again."
CHECK_CLIENT = f"{CHECK_AUTH}: client_id and access_token_url. The client secret is not at fault."
BY_HTTPS = f"{CHECK_AUTH}: access_token_url must begin with https://."
SCOPES = f"{CHECK_AUTH} against these words: scopes and token_params."
AUDIENCE = f"{CHECK_AUTH} against these words: audience or resource in token_params, and scopes."
LATER = (
    "No action is needed if this passes: the next run continues. If it persists, the registry's "
    "owner checks the token service, and the operator the network."
)
REMEDIES = {
    "invalid_scope": SCOPES,
    "invalid_target": AUDIENCE,
    "invalid_resource": AUDIENCE,
    "invalid_request": f"{SCOPES} If they are right, the client secret in API Key is wrong.",
    "unsupported_grant_type": ALLOW_GRANT,
}
"""What to do about errors that are not, or hardly, about the secret.

https://datatracker.ietf.org/doc/html/rfc6749#section-5.2
"""
WORDS = (
    (r"\bdpop\b|client_assertion|private_key_jwt|\bmtls\b|mutual tls", ALLOW_SECRET),
    (r"must be json|json body|x-www-form-urlencoded.{0,20} not|unsupported media type", ALLOW_FORM),
    (r"\bhttps required|requires https|must use https", BY_HTTPS),
    (r"audience|resource principal|service not found|'resource' parameter", AUDIENCE),
    (r"(?:application|client|tenant|realm)\b.{0,80}\b(?:not found|not exist)"
     r"|'client_id' parameter.{0,40}invalid|no registered client", CHECK_CLIENT),
    (r"service account|client.grant|conditional access|access policy|policy evaluation"
     r"|multi-?factor|(?:application|client|app)\b.{0,60} is (?:disabled|inactive)|consent"
     r"|licen[cs]e", ALLOW_CLIENT),
)  # fmt: skip
"""Words of vendors that say more than the error's code does."""
SAYINGS = tuple((pattern(words, re.IGNORECASE), remedy) for words, remedy in WORDS)


def remedy_of(status: int, error: str, message: str, *, refuses: bool) -> tuple[bool, str]:
    """Return whether an answer is about the credentials, and who must do what about it.

    `message` is its words, and `refuses` whether its body is an error.
    """
    said = next((remedy for words, remedy in SAYINGS if words.search(message)), "")
    if said and (refuses or status >= 400):
        return False, said
    if error in REMEDIES:
        return False, REMEDIES[error]
    if error == "unauthorized_client" and "grant" in message.lower():  # else also a wrong secret
        return False, ALLOW_GRANT
    if status == 403 and ADDRESS.search(message):
        return False, ALLOW_ADDRESS
    if status < 300 and OUT_OF_ORDER.search(message):
        return False, CHECK_SERVICE
    if status in (400, 401, 403) or (refuses and status != 404):
        return True, ENTER_SECRET
    return False, FIX_SERVICE
