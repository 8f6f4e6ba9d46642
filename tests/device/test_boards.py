"""Boards come and go while the program runs: added by hand, found by themselves, removed, and never read twice."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.alert_model import AlertChannel, AlertRule, Level
from services.errors import Conflict, PortNotOpened, PowermonError, UnknownDevice
from services.link import port_watch, ports
from services.live_model import PortInfo
from services.monitor import Monitor
from services.settings import Settings
from tests.link.cable import Cable

LIMIT_S = 20.0
LINE = b'{"v":5.0,"a":0.1,"w":0.5,"seq":%d}\n'


def until(condition: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.005)


def readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("link-", "port-watch"))]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Monitor]]:
    """Makes started monitors; all are stopped at the end, and no thread that reads outlives that, not for a moment."""
    made: list[Monitor] = []

    def build(*given: str, **options: object) -> Monitor:
        here = {"database": tmp_path / "powermon.db", "demo": False, "allow_connect": (str(tmp_path),)}
        settings = Settings(**(here | {"ports": given or ("auto",)} | options))  # type: ignore[arg-type]
        monitor = Monitor(settings)
        made.append(monitor)
        monitor.start()
        return monitor

    yield build
    for monitor in made:
        monitor.stop()
    assert readers() == []


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    cable = Cable(tmp_path)
    yield cable
    os.close(cable.master)


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the system says is plugged in."""
    found: list[str] = []
    monkeypatch.setattr(ports, "list_ports", lambda: [PortInfo(url, "Arduino Uno", "2341:0043", True) for url in found])
    monkeypatch.setattr(port_watch, "EVERY_S", 0.02)
    return found


class Talking:
    """A board that sends a reading each few milliseconds, until it is told to stop."""

    def __init__(self, cable: Cable, line: bytes = LINE) -> None:
        self._cable, self._line = cable, line
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        os.set_blocking(self._cable.master, False)
        for n in range(10_000):
            if self._over.wait(0.02):
                return
            try:
                self._cable.say(self._line % n if b"%d" in self._line else self._line)
                os.read(self._cable.master, 4096)
            except OSError:
                continue

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


@pytest.fixture
def talk() -> Iterator[Callable[..., Talking]]:
    made: list[Talking] = []

    def begin(cable: Cable, line: bytes = LINE) -> Talking:
        made.append(Talking(cable, line))
        return made[-1]

    yield begin
    for talking in made:
        talking.stop()


# --- adding and removing


def test_adding_answers_once_the_port_is_open_and_the_board_is_there_after_a_restart(
    make: Callable[..., Monitor], cable: Cable
) -> None:
    monitor = make()
    assert monitor.connect(str(cable.link), "bench") == "bench"
    assert monitor._device("bench").link.opens == 1
    assert monitor.connect(str(cable.link), "bench") == "bench"  # the same again changes nothing
    monitor.stop()
    assert [info.device for info in make().devices()] == ["bench"]


def test_speed_and_dtr_of_a_board_are_its_own_and_remembered(make: Callable[..., Monitor], cable: Cable) -> None:
    monitor = make()
    monitor.connect(str(cable.link), "bench", 9600, False)
    assert monitor._device("bench").serial == (9600, False)
    with pytest.raises(Conflict, match="remove it first"):
        monitor.connect(str(cable.link), "bench")
    monitor.stop()
    assert make()._device("bench").serial == (9600, False)


def test_boards_and_rules_are_kept_also_when_the_database_is_deleted(
    make: Callable[..., Monitor], cable: Cable, tmp_path: Path
) -> None:
    monitor = make()
    monitor.connect(str(cable.link), "bench")
    rules = monitor.alerts.set_rules([AlertRule("hot", AlertChannel.W, Level.WARNING, 3.0, 2.5)])
    until(lambda: monitor._storage.alert_rules().rules == rules.rules, "the rules were not stored")
    (tmp_path / "powermon.db").unlink()
    until(lambda: any("was deleted" in note for note in monitor.health().storage.notes), "not noticed")
    monitor.stop()
    again = make()
    assert list(again._devices) == ["bench"] and again.alerts.rules.rules == rules.rules


def test_a_board_that_was_given_is_not_added_twice_by_memory(make: Callable[..., Monitor], cable: Cable) -> None:
    monitor = make()
    monitor.connect(str(cable.link), "bench")
    monitor.stop()
    again = make(f"other={cable.link}")
    assert list(again._devices) == ["other"]


def test_a_port_that_does_not_open_is_told_with_its_reason_and_leaves_nothing(
    make: Callable[..., Monitor], tmp_path: Path, cable: Cable
) -> None:
    monitor = make()
    with pytest.raises(PortNotOpened, match="is not there"):
        monitor.connect(str(tmp_path / "nothing"), "bench")
    assert monitor.devices() == [] and [name for name in readers() if name.startswith("link-")] == []
    assert monitor.connect(str(cable.link), "bench") == "bench"  # neither name nor place is taken by what failed
    monitor.stop()
    assert list(make()._devices) == ["bench"]


def test_an_address_that_refuses_is_told(make: Callable[..., Monitor]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(PortNotOpened, match="is the other end running"):
        make().connect(f"socket://127.0.0.1:{port}")


def test_an_opening_without_end_is_told_in_time(make: Callable[..., Monitor], monkeypatch: pytest.MonkeyPatch) -> None:
    going_on = threading.Event()
    opened = threading.Event()

    class Port:
        def close(self) -> None:
            opened.set()

    def slowly(*_args: object, **_options: object) -> Port:
        going_on.wait(LIMIT_S)
        return Port()

    monkeypatch.setattr("services.link.reader.open_port", slowly)
    monkeypatch.setattr("services.device.boards.OPEN_S", 0.05)
    monkeypatch.setattr("services.device.boards.STOP_S", 0.05)
    monitor = make()
    with pytest.raises(PortNotOpened, match="did not open within"):
        monitor.connect("socket://192.0.2.1:5000", "far")
    going_on.set()
    until(opened.is_set, "what opened too late was not closed")
    until(lambda: not [name for name in readers() if name.startswith("link-")], "it is read all the same")
    assert monitor.devices() == [] and monitor.events(None, 0, 1 << 60) == []


@pytest.mark.parametrize("names", [("bench",) * 8, tuple(f"bench-{n}" for n in range(8))])
def test_many_who_add_one_port_at_once_start_one_reader(
    make: Callable[..., Monitor], cable: Cable, names: tuple[str, ...]
) -> None:
    monitor = make()

    def add(name: str) -> str:
        try:
            return monitor.connect(str(cable.link), name)
        except PowermonError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add, names))
    (device,) = monitor._devices
    assert answers.count(device) == (8 if len(set(names)) == 1 else 1)
    assert [name for name in readers() if name.startswith("link-")] == [f"link-{cable.link}"]


def test_another_name_of_the_same_port_is_the_same_port(make: Callable[..., Monitor], cable: Cable, tmp_path: Path) -> None:
    monitor = make()
    monitor.connect(str(cable.link), "bench")
    (tmp_path / "by-id").symlink_to(cable.link)
    with pytest.raises(Conflict, match="read already, as bench"):
        monitor.connect(str(tmp_path / "by-id"), "other")


def test_nothing_is_added_by_a_program_that_stops_and_no_reader_is_left(make: Callable[..., Monitor], cable: Cable) -> None:
    monitor = make()
    with ThreadPoolExecutor(4) as pool:
        adding = [pool.submit(monitor.connect, str(cable.link), f"bench-{n}") for n in range(4)]
        monitor.stop()
        for answer in adding:
            error = answer.exception()
            assert error is None or isinstance(error, PowermonError)
    assert readers() == []
    with pytest.raises(Conflict, match="stopping"):
        monitor.connect(str(cable.link), "late")


def test_a_removed_board_is_gone_with_its_reader_and_keeps_its_record(
    make: Callable[..., Monitor], cable: Cable, talk: Callable[..., Talking]
) -> None:
    monitor = make()
    talk(cable)
    monitor.connect(str(cable.link), "bench")
    until(lambda: "bench" in monitor._storage.devices(), "nothing recorded")
    monitor.remove("bench")
    assert monitor._devices == {} and [name for name in readers() if name.startswith("link-")] == []
    assert monitor.extent("bench") is not None
    with pytest.raises(Conflict, match="record"):
        monitor.remove("bench")
    with pytest.raises(UnknownDevice):
        monitor.remove("never")
    assert monitor.connect(str(cable.link), "bench") == "bench"  # and can be added again
    monitor.remove("bench")
    monitor.stop()
    assert make()._devices == {}


def test_sixty_four_boards_that_do_not_answer_end_in_the_time_of_one(
    make: Callable[..., Monitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("services.device.boards.STOP_S", 0.5)
    stuck = threading.Event()

    def never(url: str, *_args: object, **_options: object) -> object:
        asked.append(url)
        stuck.wait(LIMIT_S)
        raise OSError("given up")

    monkeypatch.setattr("services.link.reader.open_port", never)
    monitor = make(*(f"board{n}=socket://192.0.2.1:{5000 + n}" for n in range(65)))
    until(lambda: len(asked) == 64, "not all were opened")  # one more is left out
    waits: list[float] = []
    monkeypatch.setattr(threading.Thread, "join", lambda _self, timeout=None: waits.append(timeout))
    monitor._boards.stop()
    monkeypatch.undo()
    assert sum(waits) < 64 * 0.5  # what is waited for one is not waited for the next again
    stuck.set()
    until(lambda: not readers(), "readers are left")


# --- auto: boards that appear


def test_a_board_that_appears_is_read_when_nothing_else_is(
    make: Callable[..., Monitor], cable: Cable, plugged: list[str], talk: Callable[..., Talking]
) -> None:
    monitor = make()
    talk(cable)
    assert monitor.devices() == []
    assert any("no board is connected" in reason for reason in monitor.health().reasons)
    plugged.append(str(cable.link))
    until(lambda: [info.device for info in monitor.devices() if info.last_reading_us] == ["board"], "not read")
    assert monitor.health().found_ports == () and monitor.ports()[0].state == "connected"


def test_beside_the_demo_a_board_is_offered_not_taken(
    make: Callable[..., Monitor], cable: Cable, plugged: list[str], talk: Callable[..., Talking]
) -> None:
    monitor = make(demo=True)
    assert list(monitor._devices) == ["demo"]
    talk(cable)
    plugged.append(str(cable.link))
    until(lambda: [port.url for port in monitor.health().found_ports] == [str(cable.link)], "not offered")
    assert monitor.ports()[0].state == "board" and list(monitor._devices) == ["demo"]
    until(lambda: any("a board was found" in event.text for event in monitor.events(None, 0, 1 << 60)), "no event")
    monitor.connect(str(cable.link), "bench")
    assert monitor.health().found_ports == () and monitor.default_device() == "bench"


def test_of_several_boards_the_user_chooses(
    make: Callable[..., Monitor], tmp_path: Path, plugged: list[str], talk: Callable[..., Talking]
) -> None:
    cables = []
    for name in "ab":
        (tmp_path / name).mkdir()
        cables.append(Cable(tmp_path / name))
        talk(cables[-1])
    plugged += [str(cable.link) for cable in cables]
    monitor = make()
    until(lambda: len(monitor.health().found_ports) == 2, "not offered")
    assert monitor._devices == {} and "2 boards were found; choose one on the page" in monitor.health().reasons
    monitor.connect(plugged[0], "bench")
    assert not any("choose" in reason for reason in monitor.health().reasons)
    monitor.stop()
    for cable in cables:
        os.close(cable.master)


@pytest.mark.parametrize(("line", "state"), [(b"\xfe\x01\x80hello\n", "noise"), (b"", "silent")])
def test_what_does_not_speak_like_a_board_is_not_taken_but_said(
    make: Callable[..., Monitor], cable: Cable, plugged: list[str], talk: Callable[..., Talking], monkeypatch: pytest.MonkeyPatch,
    line: bytes, state: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(port_watch, "LISTEN_S", 0.3)
    if line:
        talk(cable, line)
    plugged.append(str(cable.link))
    monitor = make()
    until(lambda: monitor.ports()[0].state == state, "not said")
    assert monitor.ports()[0].advice and monitor._devices == {} and monitor.health().found_ports == ()


def test_a_port_that_another_program_has_is_left_alone_until_it_lets_go(
    make: Callable[..., Monitor], cable: Cable, plugged: list[str], talk: Callable[..., Talking]
) -> None:
    code = f"import sys; port = open({str(cable.link)!r}, 'rb'); print('open', flush=True); sys.stdin.read()"
    holding = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holding.stdin is not None and holding.stdout is not None
    holding.stdout.readline()
    plugged.append(str(cable.link))
    monitor = make()
    until(lambda: monitor.ports()[0].state == "busy", "not said")
    assert f"process {holding.pid}" in monitor.ports()[0].advice and monitor._devices == {}
    talk(cable)
    holding.communicate(timeout=20)
    until(lambda: list(monitor._devices) == ["board"], "not taken after it was free")


def test_a_removed_board_is_not_taken_again_by_itself(
    make: Callable[..., Monitor], cable: Cable, plugged: list[str], talk: Callable[..., Talking]
) -> None:
    talk(cable)
    plugged.append(str(cable.link))
    monitor = make()
    until(lambda: list(monitor._devices) == ["board"], "not read")
    monitor.remove("board")
    until(lambda: [port.state for port in monitor.ports()] == ["board"], "not offered")
    assert monitor._devices == {}


def test_a_port_that_is_being_listened_to_can_be_added_at_once(
    make: Callable[..., Monitor], cable: Cable, plugged: list[str]
) -> None:
    monitor = make()
    plugged.append(str(cable.link))
    watch = monitor._boards._watch
    assert watch is not None
    until(lambda: watch._listening, "nobody listens")
    assert monitor.connect(str(cable.link), "bench") == "bench"
