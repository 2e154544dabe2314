"""The sandbox speaks to this machine only: which addresses those are."""

from __future__ import annotations

import ipaddress
import ssl
from urllib.parse import urlsplit

import httpx


def is_loopback_host(host: str | None) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address((host or "").strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """Whether an http(s) URL leads to this machine itself."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and is_loopback_host(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def client(seconds: float, connections: int = 200) -> httpx.AsyncClient:
    """Return an HTTP client for loopback: no proxies, no redirects, no certificate store to load."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(seconds, connect=5.0),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=100),
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        trust_env=False,
        follow_redirects=False,
    )
