"""Which ports may be opened by request while the program runs. Pure. The command line may name more than the page may."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from services.errors import BadRequest

NETWORK = ("socket", "rfc2217")
NEVER = "spy"  # it writes what passes to a file of the asker's choice
MOST = 200
_TARGET = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?)):(\d{1,5})")


def checked_address(url: str, found: Iterable[str], allowed: Iterable[str] = ()) -> str:
    """The URL, if it may be opened by request. Raises BadRequest.

    It may be a port that was `found`, `socket://host:port`, `rfc2217://host:port` or `loop://`, nothing beside; and what
    `allowed` adds: a scheme (`hwgrep`) or the beginning of a device's path (`/dev/pts/`).
    """
    if not url.isascii() or not url.isprintable() or " " in url or not 0 < len(url) <= MOST:
        raise BadRequest("url: must be a port or a URL, written in printable characters without spaces", "url")
    scheme, colon, rest = url.partition("://")
    wider = tuple(allowed)
    if not colon:
        return _checked_device(url, found, wider)
    if scheme in NETWORK:
        _check_target(scheme, rest)
    elif scheme == "loop":
        if rest:
            raise BadRequest("url: loop:// takes nothing behind it", "url")
    elif scheme not in wider or scheme == NEVER:
        raise BadRequest(f"url: {scheme}:// may be used on the command line only", "url")
    return url


def _checked_device(path: str, found: Iterable[str], allowed: tuple[str, ...]) -> str:
    # Whether there is such a file is not told: the answer is the same for every name that is no port.
    prefixes = tuple(prefix for prefix in allowed if prefix.startswith("/"))
    inside = path.startswith(prefixes) and "/../" not in path and not path.endswith("/..") if prefixes else False
    if not inside and path not in set(found):
        raise BadRequest("url: this is none of the ports that were found; --allow-connect adds others", "url")
    return path


def _check_target(scheme: str, target: str) -> None:
    match = _TARGET.fullmatch(target)
    if match is None or not 0 < int(match[3]) < 65536 or (match[1] and not _is_ipv6(match[1])):
        raise BadRequest(f"url: must look like {scheme}://host:port, with nothing behind the port", "url")


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
