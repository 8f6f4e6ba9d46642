"""Alerts to another program: one JSON POST each, from a thread of its own, so that nobody waits for the receiver.

Nothing is sent twice. What certainly did not arrive (no connection, or an answer that says "later") is tried again;
what was sent and not answered may have arrived, so it is not repeated, and the episode says so.
"""

from __future__ import annotations

import http.client
import logging
import queue
import threading
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

import msgspec

from services.actions import alert_message
from services.alert_model import AlertChange, Episode
from services.analysis.repeats import Repeats

log = logging.getLogger(__name__)

QUEUED = 200  # messages that may wait
WAITS_S = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)  # between tries; the last one again and again
KEPT_S = 900.0  # a message that could not be sent for this long is out of date
TIMEOUT_S = 10.0  # for a connection, and for an answer
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})  # the receiver says that it did not take it, and may take it later
IDLE_S = 1.0
SENT_KEPT = 1_000

Outcome = dict[str, object]


class _Message(msgspec.Struct):
    kind: str
    episode: Episode
    queued_s: float
    repeats: int = 0


class Webhook:
    """Sends what it is given, in order. `told` hears what became of each message; it must not wait."""

    def __init__(
        self,
        url: str,
        token: str,
        page: str,
        told: Callable[[Episode, Outcome], None],
        *,
        now_s: Callable[[], float] = time.monotonic,
        waits_s: tuple[float, ...] = WAITS_S,
        kept_s: float = KEPT_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._url: SplitResult = urlsplit(url)
        self._token, self._page, self._told, self._now_s = token, page.rstrip("/"), told, now_s
        self._waits_s, self._kept_s, self._timeout_s = waits_s, kept_s, timeout_s
        self._queue: queue.Queue[_Message] = queue.Queue(QUEUED)
        self._repeats = Repeats()
        self._held: dict[object, Episode] = {}  # the newest that was not told, by rule and board
        self._sent: dict[str, None] = {}  # episodes whose beginning was told
        self._stop = threading.Event()
        self._conn: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """End, whatever the receiver does; what waits is not sent any more."""
        self._stop.set()
        conn = self._conn
        if conn is not None and conn.sock is not None:
            try:
                conn.sock.shutdown(2)
            except OSError as error:
                log.debug("the webhook's connection was gone already: %s", error)
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def deliver(self, change: AlertChange) -> None:
        """Hand over a change; any thread, never waits."""
        try:
            self._queue.put_nowait(_Message(change.kind, change.episode, self._now_s()))
        except queue.Full:
            log.warning("an alert was not sent: %d messages wait already", QUEUED)
            self._told(change.episode, {_key(change.kind): {"result": "dropped", "detail": f"{QUEUED} messages waited already"}})

    # --- the thread

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._round()
            except Exception:
                # Top of the thread: whatever one message did, the next one is to be sent.
                log.exception("the webhook stumbled")

    def _round(self) -> None:
        try:
            message = self._queue.get(timeout=IDLE_S)
        except queue.Empty:
            self._summaries()
            return
        if self._wanted(message):
            self._deliver(message)
        self._summaries()

    def _wanted(self, message: _Message) -> bool:
        """A rule that fires again and again is told once; the others are counted. An end is told if the beginning was."""
        rule, episode = message.episode.rule, message.episode
        if message.kind == "ended":
            return self._sent.pop(episode.id, 0) is None
        key = (rule.id, episode.device)
        repeats = self._repeats.due(key, self._now_us(), round(rule.repeat_s * 1e6))
        if repeats is None:
            self._held[key] = episode
            self._told(episode, {"webhook": {"result": "grouped", "detail": f"sent less than {rule.repeat_s:g} s ago"}})
            return False
        self._held.pop(key, None)
        message.repeats = repeats
        return True

    def _summaries(self) -> None:
        """What was held back is told as a number when its time is over."""
        for key, count in self._repeats.overdue(self._now_us()):
            episode = self._held.pop(key, None)
            if episode is not None:
                self._deliver(_Message("repeated", episode, self._now_s(), count))

    def _deliver(self, message: _Message) -> None:
        tries, begun_s = 0, self._now_s()
        while not self._stop.is_set():
            tries += 1
            again, outcome = self._try(message)
            if not again:
                break
            if self._now_s() - message.queued_s >= self._kept_s:
                outcome |= {"result": "gave up"}
                break
            self._stop.wait(self._waits_s[min(tries, len(self._waits_s)) - 1])
        else:
            outcome = {"result": "not sent", "detail": "the program ended"}
        if message.kind == "fired" and outcome["result"] in ("delivered", "no answer"):
            self._sent[message.episode.id] = None
            if len(self._sent) > SENT_KEPT:
                del self._sent[next(iter(self._sent))]
        outcome |= {"tries": tries, "took_ms": round((self._now_s() - begun_s) * 1e3, 1)}
        log.log(logging.DEBUG if outcome["result"] == "delivered" else logging.WARNING, "webhook: %s", outcome)
        self._told(message.episode, {_key(message.kind): outcome})

    def _try(self, message: _Message) -> tuple[bool, Outcome]:
        """(whether it certainly did not arrive and may be tried again, what happened)."""
        make = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        conn = self._conn = make(self._url.hostname or "", self._url.port, timeout=self._timeout_s)
        try:
            try:
                conn.connect()
            except OSError as error:
                return True, {"result": "not reached", "detail": _said(error)}
            return self._send(conn, message)
        finally:
            self._conn = None
            conn.close()

    def _send(self, conn: http.client.HTTPConnection, message: _Message) -> tuple[bool, Outcome]:
        body = msgspec.json.encode(alert_message.body(message.kind, message.episode, self._page, message.repeats))
        headers = {"Content-Type": "application/json", "User-Agent": "powermon", "Connection": "close"}
        headers["Idempotency-Key"] = f"{message.episode.id}-{message.kind}-{message.repeats}"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        try:
            conn.request("POST", target, body, headers)
            answer = conn.getresponse()
        except (OSError, http.client.HTTPException) as error:
            return False, {"result": "no answer", "detail": f"it may have arrived, so it is not sent again: {_said(error)}"}
        if 200 <= answer.status < 300:
            return False, {"result": "delivered", "status": answer.status}
        return answer.status in LATER, {"result": "refused", "status": answer.status, "detail": answer.reason[:100]}

    def _now_us(self) -> int:
        return round(self._now_s() * 1e6)


def _key(kind: str) -> str:
    """The word of an outcome in an episode's evidence."""
    return {"ended": "webhook_end", "repeated": "webhook_repeats"}.get(kind, "webhook")


def _said(error: Exception) -> str:
    """In few words, without the address: it may hold a secret."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:100]
