"""Who must act on a token service that gives no token, by its status and words. Pure."""

from __future__ import annotations

from registry_sync.source.answers.refusal_words import ADDRESS

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
SCOPES = f"{CHECK_AUTH} against these words: scopes and token_params."
REMEDIES = {
    "invalid_scope": SCOPES,
    "invalid_target": SCOPES,
    "invalid_request": f"{SCOPES} If they are right, the client secret in API Key is wrong.",
    "unsupported_grant_type": ALLOW_GRANT,
}
"""What to do about errors that are not, or hardly, about the secret.

https://datatracker.ietf.org/doc/html/rfc6749#section-5.2
"""


def remedy_of(status: int, error: str, message: str, *, refuses: bool) -> tuple[bool, str]:
    """Return whether an answer is about the credentials, and who must do what about it.

    `message` is its words, and `refuses` whether its body is an error.
    """
    if error in REMEDIES:
        return False, REMEDIES[error]
    if error == "unauthorized_client" and "grant" in message.lower():  # else also a wrong secret
        return False, ALLOW_GRANT
    if status == 403 and ADDRESS.search(message):
        return False, ALLOW_ADDRESS
    if status in (400, 401, 403) or refuses:
        return True, ENTER_SECRET
    return False, FIX_SERVICE
