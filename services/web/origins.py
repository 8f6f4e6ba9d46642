"""Names and origins in request headers. Pure: whose name a request was sent to, which site's page sent it, from where it came."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

_HOST = re.compile(r"(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?)\.?)(?::\d{1,5})?", re.ASCII)
_OWN = ("same-origin", "none")  # none: typed, a bookmark, another program
API_PREFIXES = ("/api/", "/metrics", "/_dash-", "/ws/")


def host_name(host: str) -> str:
    """The name or address in a Host header, without port and brackets, lower case; empty when it is none."""
    match = _HOST.fullmatch(host.lower())
    if match is None or (match[1] and not is_address(match[1])):
        return ""
    return match[1] or match[2]


def is_address(name: str) -> bool:
    """An address cannot be rebound to another one as a name can."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """True when only this machine can reach the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def same_origin(origin: str, host: str, scheme: str) -> bool:
    """Whether a page of that origin was sent by `host`, reached by `scheme`."""
    secure = scheme in ("https", "wss")
    origin_scheme, _, origin_host = origin.partition("://")
    default = ":443" if secure else ":80"
    return origin_scheme == ("https" if secure else "http") and origin_host.lower().removesuffix(
        default
    ) == host.lower().removesuffix(default)


def foreign(headers: Mapping[str, str], host: str, scheme: str) -> bool:
    """Whether another site's page sent the request. What no browser sent carries neither header."""
    origin = headers.get("origin")
    if origin is not None:
        return not same_origin(origin, host, scheme)
    return headers.get("sec-fetch-site", "none") not in _OWN


def mere_link(headers: Mapping[str, str], path: str) -> bool:
    """Whether a foreign request is somebody following a link to the page: the only thing other sites may do."""
    return headers.get("sec-fetch-mode") == "navigate" and "origin" not in headers and not path.startswith(API_PREFIXES)


def source_of(client: tuple[str, int] | None, forwarded_for: str = "") -> str:
    """Whom a request is counted for: an address, or a network of IPv6, whose addresses cost their owner nothing.

    `forwarded_for` is X-Forwarded-For, when it can be believed: its last entry is what the proxy itself saw.
    """
    text = forwarded_for.rpartition(",")[2].strip() or (client[0] if client else "")
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return client[0] if client else ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)
