"""Hot plug: looks every few seconds which ports there are, and listens once to each likely one that nobody holds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from services.link import ports
from services.live_model import PortInfo

log = logging.getLogger(__name__)
EVERY_S = 3.0
LISTEN_S = 4.0  # an Uno restarts when its port is opened and speaks after about two seconds
LET_GO_S = 2.0
ENOUGH_BYTES = 4096  # without one good line among them nothing good is to be expected

IsBoard = Callable[[], Callable[[bytes], bool]]  # makes a listener: told what came, it answers whether a board speaks


class Heard(StrEnum):
    """What a port turned out to be."""

    BOARD = "board"  # a valid line came
    NOISE = "noise"  # something else came
    SILENT = "silent"  # nothing came
    BUSY = "busy"  # another program has it
    REFUSED = "refused"  # it cannot be opened


ADVICE = {
    Heard.BOARD: "",
    Heard.NOISE: "bytes come, but no line of a board: another speed (--baud), or another device",
    Heard.SILENT: f"nothing came within {LISTEN_S:g} s: connect it if it is your board",
}


class PortWatch:
    """`ours()` are the places of ports that we read; `noticed(found, first)` is called in the watch's thread when a look
    found something else than the one before, and after the first one."""

    def __init__(
        self,
        *,
        baud: int,
        dtr: bool,
        is_board: IsBoard,
        ours: Callable[[], set[str]],
        noticed: Callable[[list[PortInfo], bool], None],
    ) -> None:
        self._baud, self._dtr, self._is_board, self._ours, self._noticed = baud, dtr, is_board, ours, noticed
        self._heard: dict[ports.Plugged, tuple[Heard, str]] = {}
        self._likely: list[PortInfo] = []  # at the last look
        self._listening: set[str] = set()  # places
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="port-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_stop(self) -> None:
        self._stop.set()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the thread; a port that it listens to is closed at once."""
        self._stop.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def told(self, port: PortInfo) -> PortInfo:
        """The port with what was heard on it."""
        heard, advice = self._heard.get(ports.plugged_in(port.url), (None, ""))
        return port if heard is None else msgspec.structs.replace(port, state=heard.value, advice=port.advice or advice)

    def boards(self) -> list[PortInfo]:
        """Ports on which a board spoke and that we do not read, as of the last look."""
        ours = self._ours()
        told = [self.told(port) for port in self._likely if ports.place_of(port.url) not in ours]
        return [port for port in told if port.state == Heard.BOARD]

    def let_go(self, url: str) -> None:
        """Wait until nobody listens to the port here; it is one of ours already."""
        end_s = time.monotonic() + LET_GO_S
        while ports.place_of(url) in self._listening and time.monotonic() < end_s:
            self._stop.wait(0.01)

    def _run(self) -> None:
        before: list[PortInfo] | None = None
        while not self._stop.is_set():
            try:
                found = self._look()
                if found != before and not self._stop.is_set():
                    self._noticed(found, before is None)
                before = found
            except Exception:  # the watch outlives any trouble with a port
                log.exception("looking for boards failed")
            self._stop.wait(EVERY_S)

    def _look(self) -> list[PortInfo]:
        self._likely = likely = [port for port in ports.list_ports() if port.likely]
        there = {ports.plugged_in(port.url) for port in likely}
        self._heard = {key: heard for key, heard in self._heard.items() if key in there}
        ours = self._ours()
        free = []
        for url in (port.url for port in likely if self._is_unheard(port.url) and ports.place_of(port.url) not in ours):
            if who := ports.holder(url):  # without a lock a second program could open it, and steal bytes
                self._heard[ports.plugged_in(url)] = Heard.BUSY, ports.in_use(url, who)
            else:
                free.append(url)
        self._listen(free)
        return [self.told(port) for port in likely if ports.place_of(port.url) not in ours]

    def _is_unheard(self, url: str) -> bool:
        """Since it was plugged in; what could not be listened to is tried at each look."""
        heard, _ = self._heard.get(ports.plugged_in(url), (None, ""))
        return heard in (None, Heard.BUSY, Heard.REFUSED)

    def _listen(self, urls: list[str]) -> None:
        """To all of them at once; each is ours alone meanwhile."""
        open_ports: dict[str, Any] = {}
        try:
            for url in urls:
                self._listening.add(ports.place_of(url))
                if ports.place_of(url) in self._ours():  # asked after it was said that we listen: see `let_go`
                    continue
                try:
                    open_ports[url] = ports.open_port(url, self._baud, dtr=self._dtr)
                except (OSError, ValueError) as error:
                    text = ports.explain(error, url)
                    heard = Heard.BUSY if " is in use" in text else Heard.REFUSED
                    self._heard[ports.plugged_in(url)] = heard, text
            self._hear(open_ports)
        finally:
            for port in open_ports.values():
                _close(port)
            self._listening.clear()

    def _hear(self, open_ports: dict[str, Any]) -> None:
        listeners = {url: self._is_board() for url in open_ports}
        came = dict.fromkeys(open_ports, 0)
        end_s = time.monotonic() + LISTEN_S
        while open_ports and time.monotonic() < end_s and not self._stop.is_set():
            ours = self._ours()
            for url, port in list(open_ports.items()):
                heard = self._hear_one(port, listeners[url])
                came[url] += heard or 0
                given_up = ports.place_of(url) in ours
                if heard is None or came[url] > ENOUGH_BYTES or given_up:
                    if not given_up:
                        self._note(url, Heard.BOARD if heard is None else Heard.NOISE)
                    _close(open_ports.pop(url))
                    self._listening.discard(ports.place_of(url))
        for url in open_ports if not self._stop.is_set() else ():
            self._note(url, Heard.NOISE if came[url] else Heard.SILENT)

    def _hear_one(self, port: Any, is_board: Callable[[bytes], bool]) -> int | None:
        """How many bytes came within a moment; None when a board speaks."""
        try:
            data = port.read(max(1, port.in_waiting))
        except (OSError, TypeError):  # unplugged again: the next look knows
            return 0
        return None if data and is_board(data) else len(data)

    def _note(self, url: str, heard: Heard) -> None:
        self._heard[ports.plugged_in(url)] = heard, ADVICE[heard]


def _close(port: Any) -> None:
    try:
        port.close()
    except OSError as error:
        log.debug("closing a port that was listened to: %s", error)


