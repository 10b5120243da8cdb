"""Why a request had no answer: names, ports, TLS and certificates, and who must act. Pure."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from registry_sync.core.addresses import origin
from registry_sync.core.late_patterns import pattern

UNREACHABLE = "registry_unreachable"
CERTIFICATE = "registry_certificate"
TORN = pattern(r"(?i)\beof\b|_eof_|reset by peer|timed out|closed")
"""Words of a TLS connection that broke off, as when a proxy is started again."""
PASSES = "No action is needed if this passes: the next run continues. If it persists, "
BUNDLE = "the operator adds its authority to REQUESTS_CA_BUNDLE"
RENEW = "The registry's owner renews the certificate"
NO_CLIENT_CERTIFICATE = (
    "The registry's owner allows requests with a key alone, or puts a proxy with a client "
    "certificate in front of the registry."
)
TLS = (
    (r"(?i)certificate has expired", "presents a certificate that has expired",
     RENEW + "."),
    (r"(?i)not yet valid", "presents a certificate that is not valid yet",
     "The operator checks the clock of this server. If it is right, the registry's owner replaces "
     "the certificate."),
    (r"(?i)mismatch|doesn.t match|not valid for '",
     "presents a certificate for another name than {host}",
     "The integration owner enters the name that the certificate is for in {setting}, or the "
     "registry's owner adds {host} to the certificate."),
    (r"(?i)self.signed certificate(?! in)",
     "presents a self-signed certificate",
     "The operator adds the certificate to REQUESTS_CA_BUNDLE, or the registry's owner replaces "
     "it."),
    (r"(?i)issuer certificate|self.signed certificate in|verify the first certificate",
     "presents a certificate of an authority that this server does not know",
     f"If it is the company's own, or a proxy's, {BUNDLE}. If it is a public one, the registry's "
     "owner configures the server to send its intermediate certificates."),
    (r"(?i)wrong.version.number|http.request|record layer failure|packet length too long",
     "does not use TLS on this port",
     "The integration owner corrects the port in {setting}, or begins it with http:// if that is "
     "allowed there."),
    (r"(?i)unsupported.protocol|protocol.version|no.protocols.available",
     "offers only an old version of TLS that is not safe",
     "The registry's owner allows TLS 1.2 or newer."),
    (r"(?i)certificate.required|(?:alert|peer).*bad.certificate",
     "requires a certificate of its clients, which this app does not have",
     NO_CLIENT_CERTIFICATE),
    (r"(?i)unrecognized.name", "does not know the name {host}",
     "The integration owner checks the name of the host in {setting}."),
    (r"(?i)handshake.failure|key.too.small|no.shared.cipher|legacy.renegotiation|bad.ecpoint",
     "and this server have no TLS settings in common",
     "The registry's owner allows current ciphers of TLS 1.2 or newer, and requires no "
     "certificate of its clients."),
)  # fmt: skip
"""Words of TLS faults, what is said, and who must do what."""
FAULTS = tuple((pattern(words), what, remedy) for words, what, remedy in TLS)
UNTRUSTED = ("presents a certificate that is not trusted", f"{RENEW}, or {BUNDLE}.")


@dataclass(frozen=True, slots=True)
class UnansweredWords:
    """A sentence's end such as “could not be reached (…)”, who must do what, and the code."""

    what: str
    remedy: str
    code: str

    @property
    def passes(self) -> bool:
        """Return whether another attempt may have an answer."""
        return self.code == UNREACHABLE


def unanswered(
    error: BaseException, url: str, *, setting: str = "API URL", service: str = "the service"
) -> UnansweredWords:
    """Return why a request to a URL had no answer; `setting` is where the URL stands."""
    causes = list(_causes(error))
    host = urlsplit(url).hostname or ""
    if isinstance(error, requests.exceptions.SSLError) and not TORN.search(text := str(causes[-1])):
        faults = ((what, remedy) for words, what, remedy in FAULTS if words.search(text))
        what, remedy = next(faults, UNTRUSTED)
        named = {"host": host, "setting": setting}
        return UnansweredWords(what.format(**named), remedy.format(**named), code=CERTIFICATE)
    check = f"the registry's owner checks {service}, and the operator the network."
    typo = f"The integration owner checks the address in {setting} for a typo. "
    if any(isinstance(each, socket.gaierror) for each in causes):
        what = f"the name {host} cannot be resolved"
        check = f"{typo}The operator checks the name service (DNS) of this server. "
        check += _once("the name")
    elif any(isinstance(each, ConnectionRefusedError) for each in causes):
        what = f"nothing listens at {origin(url)}"
        check = f"{typo}The registry's owner checks whether {service} runs. " + _once("the address")
    elif not _is_http(causes):
        what = "what answered does not speak HTTP"
        check = (
            f"The integration owner checks in {setting} the port, and whether it must begin with "
            "https://."
        )
    elif isinstance(error, requests.exceptions.ConnectTimeout):
        what, check = "it did not accept a connection in time", PASSES + check
    elif isinstance(error, requests.exceptions.ChunkedEncodingError):
        what, check = "it closed the connection in the middle of its answer", PASSES + check
    elif any(isinstance(each, ConnectionError) for each in causes):
        what, check = "it closed the connection without an answer", PASSES + check
    else:
        what, check = type(error).__name__, PASSES + check
    return UnansweredWords(f"could not be reached ({what})", check, code=UNREACHABLE)


def _once(what: str) -> str:
    return f"No action is needed if {what} is right and this passes: the next run continues."


def _is_http(causes: list[BaseException]) -> bool:
    return not any(type(each).__name__ in ("BadStatusLine", "LineTooLong") for each in causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it is about, the outermost first.

    `requests` and urllib3 keep what happened as an argument, or as a `reason`.
    """
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        inner = [getattr(found, "reason", None), *found.args, found.__cause__, found.__context__]
        found = next((each for each in inner if isinstance(each, BaseException)), None)
