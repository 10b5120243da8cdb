"""gunicorn's settings for this service, given to it by `-c integration/gunicorn.conf.py`.

Benchling waits three seconds for the answer to a webhook, so connections that send nothing, or
half a request, must not hold up the others. Each takes one of many threads, which are cheap while
they wait, and loses it after RECEIVE_SECONDS. `integration.wsgi` limits how many requests are
worked on at a time. An attacker can hold more connections than there are threads: put a proxy that
buffers requests in front where the service is open to the internet (docs/operations.md).
https://docs.gunicorn.org/en/stable/settings.html
"""

import os
import socket
import struct

RECEIVE_SECONDS = 10

bind = os.environ.get("BIND") or "127.0.0.1:8000"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or min(max(os.cpu_count() or 1, 2), 8))
threads = 256
worker_connections = 1000
backlog = 1024
keepalive = 5
timeout = 60
graceful_timeout = 30
max_requests, max_requests_jitter = 20_000, 2_000
# The path in front of every address: Django reads it without a last slash, gunicorn as it is.
os.environ["SCRIPT_NAME"] = os.environ.get("SCRIPT_NAME", "").strip().rstrip("/")
if os.environ.get("LOG_FORMAT", "").strip().lower() == "json":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "integration.settings")  # they have the secrets
    logger_class = "integration.web_log.JsonLogger"
control_socket_disable = True  # nothing uses it, and its file needs a writable home
# As Django: X-Forwarded-Proto counts only where the proxy is trusted.
trusted = os.environ.get("TRUST_PROXY_HEADERS", "").lower() in ("1", "true", "yes", "on")
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS") or ("*" if trusted else "127.0.0.1,::1")
# Most proxies pass headers such as SCRIPT_NAME on from the client, who could so leave the paths
# that the proxy allows: the path in front comes from the environment alone.
forwarder_headers = ""


def when_ready(server):  # type: ignore[no-untyped-def]
    """Let every connection time out that sends nothing: accepted sockets inherit this option."""
    timeval = struct.pack("ll", RECEIVE_SECONDS, 0)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
