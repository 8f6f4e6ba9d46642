"""Who may do what: an operator may look and command, a viewer may look. Known by token or by the cookie a token earned."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections import deque
from collections.abc import Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from services.settings import Settings

OPERATOR, VIEWER = "operator", "viewer"
COOKIE_DAYS = 30
TRIES_PER_MINUTE = 20  # wrong tokens, all clients together; a made token has 128 bits, a chosen one may be weak


def is_loopback(host: str) -> bool:
    """True when only this machine can reach the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def token_needed(settings: Settings) -> bool:
    """A page that others can reach needs a token; so does one that was given any."""
    return bool(settings.token or settings.viewer_token) or not is_loopback(settings.host)


def make_token() -> str:
    """A token nobody guesses."""
    return secrets.token_urlsafe(16)


def role_of(scope: MutableMapping[str, Any]) -> str | None:
    """The role the guard found for this request; None for a probe without a token."""
    role: str | None = scope.get("state", {}).get("role")
    return role


class Access:
    """Tokens and cookies. `now_s` is a monotonic clock."""

    def __init__(self, token: str, viewer_token: str, cookie_name: str, now_s: Callable[[], float]) -> None:
        self._tokens = {OPERATOR: token} | ({VIEWER: viewer_token} if viewer_token else {})
        self._cookies = {role: _cookie_value(token) for role, token in self._tokens.items()}
        self._cookie_name = cookie_name
        self._now_s = now_s
        self._failures: deque[float] = deque(maxlen=TRIES_PER_MINUTE)

    def role(self, headers: MutableMapping[str, str]) -> str | None:
        """Who asks, by `Authorization: Bearer` or by cookie; None when nobody we know."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.role_of_token(token.strip())
        return _match(self._cookies, self._cookie(headers.get("cookie", "")))

    def role_of_token(self, token: str) -> str | None:
        """The role a token stands for. Too many wrong ones in a minute and none is taken."""
        if self.locked:
            return None
        role = _match(self._tokens, token)
        if role is None:
            self._failures.append(self._now_s())
        return role

    @property
    def locked(self) -> bool:
        """True while tokens are refused unseen."""
        full = len(self._failures) == TRIES_PER_MINUTE
        return full and self._now_s() - self._failures[0] < 60

    def cookie_header(self, role: str, secure: bool) -> str:
        """The Set-Cookie value: not readable by scripts, not sent along by other sites."""
        end = "; Secure" if secure else ""
        age = COOKIE_DAYS * 86_400
        return f"{self._cookie_name}={self._cookies[role]}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{end}"

    def _cookie(self, header: str) -> str:
        try:
            morsel = SimpleCookie(header).get(self._cookie_name)
        except CookieError:
            return ""
        return morsel.value if morsel else ""


def _cookie_value(token: str) -> str:
    """Derived, so that a stolen cookie does not give away the token itself."""
    return hashlib.sha256(b"powermon cookie\0" + token.encode()).hexdigest()


def _match(secrets_by_role: dict[str, str], given: str) -> str | None:
    """Compares with every secret in full, whatever the first says: the time taken tells nothing."""
    found = None
    for role, secret in secrets_by_role.items():
        if hmac.compare_digest(secret.encode(), given.encode()):
            found = role
    return found
