"""The boards that are read: those given at the start, those added and removed while running, those found by `auto`.

Under the lock here nothing waits: ports are opened and threads are ended outside of it.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable

import msgspec

from services.clock import Clock
from services.device.device import Device
from services.errors import BadRequest, Conflict, PortNotOpened, UnknownDevice
from services.link import ports
from services.link.addresses import checked_address
from services.link.port_watch import PortWatch
from services.link.simulated_board import SimulatedBoard
from services.live_model import PortInfo
from services.model import Event, EventKind, Write
from services.options import DEMO_NAME
from services.settings import Settings
from services.storage.store import Store
from services.wire.decoders import BadReading, Hello, HostDecoder, ReadingLine

log = logging.getLogger(__name__)
MAX_BOARDS = 64
OPEN_S = 8.0  # a port that did not open by then is told as failed; an address that does not answer takes pyserial 5 s
STOP_S = 2.0
REMEMBERED = "boards"  # the setting in the database


class Added(msgspec.Struct, frozen=True):
    """A board that was added by hand, as it is remembered for the next start."""

    name: str
    url: str
    baud: int | None = None  # None: as the settings say
    dtr: bool | None = None


class _Change:
    """A board that is being added or removed: its name and port are taken until that is over."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.over = threading.Event()
        self.problem = ""


class Boards:
    """Thread-safe. `linked` is replaced, never changed: whoever got it may look at it in peace.

    `adopt` is told of each board before its link starts, `release` when one is read no more, or could not be added.
    """

    def __init__(
        self,
        settings: Settings,
        storage: Store,
        clock: Clock,
        adopt: Callable[[Device], None],
        release: Callable[[str], None],
    ) -> None:
        self._settings, self._storage, self._clock, self._adopt, self._release = settings, storage, clock, adopt, release
        self._lock = threading.Lock()
        self._changing: dict[str, _Change] = {}
        self._stopped = False
        self._remembered: list[Added] = []
        self._saving = threading.Lock()
        self._declined: set[ports.Plugged] = set()  # ports of boards that the user removed: not taken again by themselves
        self._simulated: SimulatedBoard | None = None
        self._watch: PortWatch | None = None
        self.linked: dict[str, Device] = {}

    # --- start and end

    def start(self) -> None:
        """The boards that were asked for, those added in earlier sessions, and with `auto` those that are found."""
        settings = self._settings
        if settings.mock is not None:
            self._start_demo(settings.mock)
        given = settings.named_ports()
        for name, url in given:
            if url != "auto":
                self._take(name or name_of(url), url)
        self._remembered = self._recall()
        for added in self._remembered:
            self._take(added.name, added.url, added=added)
        if settings.mock is None and any(url == "auto" for _, url in given):
            self._find()

    def stop(self) -> None:
        """No link survives this, also none that is just being added."""
        with self._lock:
            self._stopped = True
            devices = [*self.linked.values(), *(change.device for change in self._changing.values())]
        if self._watch is not None:
            self._watch.ask_stop()
        for device in devices:
            device.link.ask_stop()
        end_s = time.monotonic() + STOP_S
        for device in devices:
            device.link.stop(max(0.0, end_s - time.monotonic()))
        if self._watch is not None:
            self._watch.stop(max(0.0, end_s - time.monotonic()))
        if self._simulated is not None:
            self._simulated.stop()

    # --- what there is

    def device(self, name: str) -> Device:
        """Raises UnknownDevice."""
        device = self.linked.get(name)
        if device is None:
            raise UnknownDevice(name, list(self.linked))
        return device

    def durable(self, name: str, boot: int, ack: int) -> None:
        """In the storage's thread: what of a board is on disk. One that is just being added records already."""
        change = self._changing.get(name)
        device = self.linked.get(name) or (change.device if change is not None else None)
        if device is not None:
            device.durable(boot, ack)

    def ports(self) -> list[PortInfo]:
        """The serial ports of this machine, with what is known of each."""
        ours, watch = self._places(), self._watch
        return [
            msgspec.structs.replace(port, state="connected")
            if ports.place_of(port.url) in ours
            else self._looked_at(watch.told(port) if watch is not None else port)
            for port in ports.list_ports()
        ]

    def found(self) -> list[PortInfo]:
        """Boards that speak on a port and are not read."""
        return self._watch.boards() if self._watch is not None else []

    def choice(self) -> str:
        """What the user should decide; empty when there is nothing."""
        found = self.found()
        if len(found) < 2 or any(not device.demo for device in self.linked.values()):
            return ""
        return f"{len(found)} boards were found; choose one on the page"

    def fault(self, name: str, fault: str, value: float) -> bool:
        """Make the simulated board misbehave; False when that board is none. Raises CommandError."""
        if self._simulated is None or not self.device(name).demo:
            return False
        self._simulated.fault(fault, value)
        return True

    def demo(self) -> SimulatedBoard | None:
        """The simulated board, while there is one."""
        return self._simulated

    # --- adding and removing

    def connect(self, url: str, name: str = "", baud: int | None = None, dtr: bool | None = None) -> str:
        """Add a board, once its port opened; its name. It is remembered for the next start, speed and DTR included.

        Raises BadRequest, Conflict, or PortNotOpened, and then nothing of it is left.
        """
        name = name or name_of(url)
        if not re.fullmatch(r"[\w.-]{1,32}", name, re.ASCII) or name == DEMO_NAME:
            raise BadRequest("a name has 1 to 32 letters, digits, dots, dashes or underscores, and is not 'demo'", "name")
        added = Added(name, url, baud, dtr)
        if self._is_same(self.linked.get(name), url):
            return self._unchanged(self.linked[name], added)
        checked_address(url, [port.url for port in ports.list_ports()], self._settings.allow_connect)
        with self._lock:
            if self._is_same(self.linked.get(name), url):
                return self._unchanged(self.linked[name], added)
            change = self._changing.get(name)
            mine = change is None or not self._is_same(change.device, url)
            if mine:
                self._refuse_taken(name, url)
                change = self._changing[name] = _Change(self._device_of(added))
        assert change is not None
        if mine:
            self._open(name, change)
        elif not change.over.wait(2 * OPEN_S):
            raise Conflict(f"{name} is being added or removed just now", "name")
        if change.problem:
            raise PortNotOpened(change.problem.removesuffix(ports.AGAIN))
        self._remember(name, added)
        return name

    def _unchanged(self, device: Device, added: Added) -> str:
        """The same board again. Raises Conflict when it is read in another way."""
        settings = self._settings_of(added)
        if device.serial != (settings.baud, settings.dtr):
            raise Conflict(f"{device.url} is read already, as {device.name}: remove it first to change its speed or DTR", "url")
        return device.name

    def _settings_of(self, added: Added) -> Settings:
        baud = self._settings.baud if added.baud is None else added.baud
        dtr = self._settings.dtr if added.dtr is None else added.dtr
        return msgspec.structs.replace(self._settings, baud=baud, dtr=dtr)

    def _device_of(self, added: Added, revive: Callable[[], None] | None = None) -> Device:
        return Device(added.name, added.url, self._settings_of(added), self._storage, self._clock, revive)

    def remove(self, name: str) -> None:
        """End the link; the record stays. Raises UnknownDevice, Conflict."""
        with self._lock:
            if name in self._changing:
                raise Conflict(f"{name} is being added or removed just now", "device")
            device = self.device(name)
            self.linked = {other: device for other, device in self.linked.items() if other != name}
            change = self._changing[name] = _Change(device)
            self._declined.add(ports.plugged_in(device.url))
        device.link.stop(STOP_S)
        if device.demo and self._simulated is not None:
            self._simulated.stop()
            self._simulated = None
        self._release(name)
        self._end(name, change, "it was removed")
        self._remember(name, None)
        self._tell(name, f"{name} was removed; its record stays", {"state": "removed", "url": device.url})

    def _open(self, name: str, change: _Change) -> None:
        """Outside of the lock: opening may take seconds, and other boards come and go meanwhile."""
        link = change.device.link
        problem = "the port was not opened"
        try:
            if self._watch is not None:
                self._watch.let_go(link.url)
            self._begin(change.device)
            problem = link.first_outcome(OPEN_S)
        finally:
            with self._lock:
                if self._stopped:
                    problem = "the program is stopping"
                if not problem:
                    self.linked = {**self.linked, name: change.device}
                    self._declined.discard(ports.plugged_in(change.device.url))
            if problem:
                link.stop(STOP_S)
                self._release(name)
            self._end(name, change, problem)

    def _end(self, name: str, change: _Change, problem: str) -> None:
        with self._lock:
            del self._changing[name]
        change.problem = problem
        change.over.set()

    def _take(self, name: str, url: str, simulated: SimulatedBoard | None = None, added: Added | None = None) -> None:
        """A board that is read whether its port opens or not: it is tried for ever."""
        with self._lock:
            try:
                self._refuse_taken(name, url)
            except BadRequest as error:
                log.warning("%s=%s is left out: %s", name, url, error)
                return
            revive = simulated.ensure if simulated is not None else None
            device = self._device_of(added or Added(name, url), revive)
            self.linked = {**self.linked, name: device}
        self._begin(device)

    def _begin(self, device: Device) -> None:
        self._adopt(device)
        with self._lock:
            if not self._stopped:
                device.link.start()

    def _refuse_taken(self, name: str, url: str) -> None:
        """Under the lock. Raises Conflict."""
        if self._stopped:
            raise Conflict("the program is stopping")
        taken = {**{name: change.device for name, change in self._changing.items()}, **self.linked}
        if name in taken:
            raise Conflict(f"{name} is the name of another board already", "name")
        for other, device in taken.items():
            if self._is_same(device, url):
                raise Conflict(f"{url} is read already, as {other}", "url")
        if len(taken) >= MAX_BOARDS:
            raise Conflict(f"{MAX_BOARDS} boards are connected already", "url")

    @staticmethod
    def _is_same(device: Device | None, url: str) -> bool:
        return device is not None and ports.place_of(device.url) == ports.place_of(url)

    def _places(self) -> set[str]:
        """Of the ports that are read, or about to be."""
        changing = [change.device for change in self._changing.copy().values()]
        return {ports.place_of(device.url) for device in [*self.linked.values(), *changing]}

    # --- remembered over a restart

    def _recall(self) -> list[Added]:
        text = self._storage.setting(REMEMBERED)
        try:
            return [] if text is None else msgspec.json.decode(text, type=list[Added])
        except msgspec.MsgspecError as error:
            log.warning("the boards added earlier cannot be read: %s", error)
            return []

    def _remember(self, name: str, board: Added | None) -> None:
        """One after the other, so that the last one is what is stored."""
        with self._saving:
            before = self._remembered
            self._remembered = [added for added in before if added.name != name] + ([board] if board is not None else [])
            if self._remembered == before:
                return
            if not self._storage.keep_setting(REMEMBERED, msgspec.json.encode(self._remembered).decode()):
                log.warning("the boards that were added cannot be stored now: they may be missing after the next start")

    def _tell(self, name: str, text: str, data: dict[str, str]) -> None:
        log.info("%s", text)
        event = Event(name, self._clock.now_us(), EventKind.LINK, text, dict(data))
        self._storage.append(Write(name, events=(event,)))

    # --- auto

    def _find(self) -> None:
        """A port that looks like a board's is listened to first, in the watch's thread; without any the demo starts at once."""
        if not self.linked and not any(port.likely for port in ports.list_ports()):
            self._start_fallback()
        self._watch = PortWatch(
            baud=self._settings.baud, dtr=self._settings.dtr, is_board=_listener, ours=self._places, noticed=self._noticed
        )
        self._watch.start()

    def _noticed(self, found: list[PortInfo], first: bool) -> None:
        """One board and nothing else is read at once; beside anything else, the demo too, a board is only offered."""
        speaking = [port for port in found if port.state == "board" and ports.plugged_in(port.url) not in self._declined]
        if len(speaking) == 1 and not self.linked and not self._changing:
            self._take(name_of(speaking[0].url), speaking[0].url)
            return
        for port in speaking:
            self._tell("", f"a board was found at {port.url} ({port.description}): it can be connected", {"found": port.url})
        if first and not self.linked:
            self._start_fallback()

    def _start_fallback(self) -> None:
        if self._settings.demo:
            self._start_demo("normal")

    def _start_demo(self, scenario: str) -> None:
        simulated = SimulatedBoard(scenario, self._settings.mock_args)
        with self._lock:
            late = self._stopped
            self._simulated = None if late else simulated
        if late:
            simulated.stop()
        else:
            self._take(DEMO_NAME, simulated.url, simulated)

    def _looked_at(self, port: PortInfo) -> PortInfo:
        """Who has a port that we do not read."""
        if port.advice or port.state not in ("", "busy") or not (who := ports.holder(port.url)):
            return port
        return msgspec.structs.replace(port, state="busy", advice=ports.in_use(port.url, who))


def name_of(url: str) -> str:
    """A device name from a port: its last part, or host and port."""
    text = url.split("://", 1)[-1].rstrip("/")
    return re.sub(r"[^\w.-]+", "-", text.rsplit("/", 1)[-1])[-32:].strip("-") or "board"


def _listener() -> Callable[[bytes], bool]:
    """Tells whether a board speaks."""
    decoder = HostDecoder()
    return lambda data: any(isinstance(event, ReadingLine | BadReading | Hello) for event in decoder.feed(data))
