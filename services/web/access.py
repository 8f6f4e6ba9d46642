"""Who may do what: an operator may look and command, a viewer may look. Known by token, or by the session a token opened."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

import msgspec

from services.settings import Settings
from services.web.origins import is_loopback

OPERATOR, VIEWER = "operator", "viewer"
DAY_S = 86_400.0
LONGEST_S, IDLE_S = 30 * DAY_S, 7 * DAY_S  # a session ends after so long, or when nobody used it for so long
MOST_SESSIONS = 200  # of one role; the one that was not used for longest makes room
FREE_TRIES = 5  # wrong tokens from one source before each further one has to wait for its turn
TURN_S = 1.0  # between two tokens of such a source
MOST_WAIT_S = 5.0  # whoever would wait longer is told when to come again
FORGET_S = 60.0  # after so long without a wrong token a source is like any other
MOST_SOURCES = 10_000


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
    """Tokens and what they open. `now_s` is a monotonic clock."""

    def __init__(self, token: str, viewer_token: str, cookie_name: str, now_s: Callable[[], float]) -> None:
        self._tokens = {OPERATOR: token} | ({VIEWER: viewer_token} if viewer_token else {})
        self._cookie_name = cookie_name
        self.sessions = Sessions(now_s)
        self.tries = Tries(now_s)

    def role_of_token(self, token: str) -> str | None:
        """The role a token stands for. Compares with each in full, whatever the first says: the time taken tells nothing."""
        found = None
        for role, secret in self._tokens.items():
            if hmac.compare_digest(secret.encode(), token.encode(errors="replace")):
                found = role
        return found

    def session(self, headers: Mapping[str, str]) -> str:
        """The session that the request's cookie names; empty when it has none."""
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._cookie_name)
        except CookieError:
            return ""
        return morsel.value if morsel else ""

    def cookie(self, session: str, secure: bool) -> str:
        """The Set-Cookie value: not readable by scripts, not sent along by other sites. An empty session ends the cookie."""
        age = int(LONGEST_S) if session else 0
        return f"{self._cookie_name}={session}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of `Authorization: Bearer …`."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class _Session(msgspec.Struct):
    role: str
    opened_s: float
    used_s: float


class Sessions:
    """Who has logged in. Kept in memory only: all end with the program, and so when a token changes."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._open: OrderedDict[bytes, _Session] = OrderedDict()  # the one used last at the end

    def open(self, role: str) -> str:
        """A new session's name, which nobody guesses."""
        name, now_s = secrets.token_urlsafe(24), self._now_s()
        same = [key for key, session in self._open.items() if session.role == role]
        for key in same[: max(0, len(same) - MOST_SESSIONS + 1)]:
            del self._open[key]
        self._open[_key(name)] = _Session(role, now_s, now_s)
        return name

    def role(self, name: str) -> str | None:
        """The role of a session that has not ended."""
        key, now_s = _key(name), self._now_s()
        session = self._open.get(key)
        if session is None:
            return None
        if now_s - session.opened_s >= LONGEST_S or now_s - session.used_s >= IDLE_S:
            del self._open[key]
            return None
        session.used_s = now_s
        self._open.move_to_end(key)
        return session.role

    def end(self, name: str) -> None:
        """Log out."""
        self._open.pop(_key(name), None)

    def end_all(self) -> None:
        """Log everybody out."""
        self._open.clear()


def _key(name: str) -> bytes:
    """Looked up by digest: how long a look-up takes tells nothing about the names there are."""
    return hashlib.sha256(name.encode(errors="replace")).digest()


class _Source(msgspec.Struct):
    failures: int = 0
    failed_s: float = 0.0
    turn_s: float = 0.0  # when its next token is looked at
    known: bytes = b""  # digest of the last token that was right


class Tries:
    """Slows down whoever guesses, by source, so that nobody can lock somebody else out.

    The first wrong tokens cost nothing; then a source's tokens are looked at one a second. The right one only waits for its
    turn, and not even that when it was right before from there. Sessions never come here.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    def wait_s(self, source: str, token: str) -> float:
        """Takes a turn: seconds to wait before the token is looked at. Beyond MOST_WAIT_S no turn was taken: come again then."""
        found, now_s = self._sources.get(source), self._now_s()
        if found is None or (found.known and hmac.compare_digest(found.known, _key(token))):
            return 0.0
        if now_s - found.failed_s > FORGET_S:
            found.failures = 0
        if found.failures < FREE_TRIES:
            return 0.0
        turn_s = max(now_s, found.turn_s)
        if turn_s - now_s <= MOST_WAIT_S:
            found.turn_s = turn_s + TURN_S
        return turn_s - now_s

    def failed(self, source: str) -> None:
        """A wrong token came from there."""
        found, now_s = self._source(source), self._now_s()
        found.failures, found.failed_s = found.failures + 1, now_s
        found.turn_s = max(found.turn_s, now_s + TURN_S)

    def succeeded(self, source: str, token: str) -> None:
        """A right token came from there."""
        self._source(source).known = _key(token)

    def _source(self, source: str) -> _Source:
        found = self._sources.setdefault(source, _Source())
        self._sources.move_to_end(source)
        if len(self._sources) > MOST_SOURCES:
            self._sources.popitem(last=False)
        return found
