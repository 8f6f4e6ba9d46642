"""The port doctor names the trouble and what mends it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serial.tools import list_ports as pyserial_ports
from serial.tools.list_ports_common import ListPortInfo

from services.link import ports
from services.link.ports import _access_advice, explain, holder, list_ports, open_port
from tests.link.cable import Cable


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    cable = Cable(tmp_path)
    yield cable
    os.close(cable.master)


def port(device: str, vid: int | None, pid: int | None, hwid: str) -> ListPortInfo:
    info = ListPortInfo(device)
    info.vid, info.pid, info.hwid, info.description = vid, pid, hwid, "a port"
    return info


def test_known_boards_come_first_and_ports_without_hardware_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown, known = port("/dev/ttyUSB9", 0x1234, 1, "USB"), port("/dev/ttyUSB1", 0x1A86, 0x7523, "USB")
    found = [port("/dev/ttyS0", None, None, "n/a"), unknown, known]
    monkeypatch.setattr(pyserial_ports, "comports", lambda: found)
    assert [(item.url, item.likely, item.vid_pid) for item in list_ports()] == [
        ("/dev/ttyUSB1", True, "1A86:7523"),
        ("/dev/ttyUSB9", False, "1234:0001"),
    ]


def test_a_missing_port_lists_those_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyserial_ports, "comports", lambda: [port("/dev/ttyUSB1", 0x1A86, 0x7523, "USB")])
    text = explain(FileNotFoundError(errno.ENOENT, "No such file or directory"), "/dev/ttyACM0")
    assert "/dev/ttyACM0 is not there" in text
    assert "/dev/ttyUSB1" in text


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the tests run in a container must not matter."""
    monkeypatch.setattr(ports, "CONTAINER_SIGNS", ())


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A device that the group dialout may use, and we may not."""
    device = tmp_path / "ttyACM0"
    device.touch()
    device.chmod(0o660)
    monkeypatch.setattr(os, "access", lambda *args: False)
    monkeypatch.setattr(Path, "group", lambda _: "dialout")
    monkeypatch.setattr(ports, "_groups_of_user", lambda: ["users"])
    return device


def refusal(device: Path) -> str:
    return explain(PermissionError(errno.EACCES, "Permission denied"), str(device))


def test_no_permission_names_the_group_and_the_command(device: Path, outside: None) -> None:
    assert "sudo usermod -aG dialout $USER" in refusal(device)
    assert "sudo usermod -aG dialout $USER" in _access_advice(str(device))


def test_who_joined_the_group_in_this_session_must_log_in_again(
    device: Path, outside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_groups_of_user", lambda: ["users", "dialout"])
    assert "log out and in again" in refusal(device) and "usermod" not in refusal(device)


@pytest.mark.parametrize(("group", "mode"), [("root", 0o660), ("root", 0o600), ("dialout", 0o600)])
def test_nobody_is_told_to_join_the_group_root_but_given_a_rule(
    device: Path, outside: None, monkeypatch: pytest.MonkeyPatch, group: str, mode: int
) -> None:
    monkeypatch.setattr(Path, "group", lambda _: group)
    device.chmod(mode)
    text = refusal(device)
    assert "usermod" not in text and 'KERNEL=="ttyACM0", GROUP="' in text and ports.RULES in text and "udevadm trigger" in text


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_in_a_container_the_device_must_be_given_to_it(device: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(ports, "CONTAINER_SIGNS", (str(device),))
    text = explain(OSError(code, os.strerror(code)), str(device))
    assert f"--device={device}" in text and "--group-add" in text and "usermod" not in text
    assert "--device=/dev/ttyACM7" in explain(FileNotFoundError(errno.ENOENT, "No such file or directory"), "/dev/ttyACM7")


def test_a_port_that_we_may_use_needs_no_advice(tmp_path: Path) -> None:
    (tmp_path / "ttyACM0").touch()
    assert _access_advice(str(tmp_path / "ttyACM0")) == ""


@pytest.mark.parametrize("code", [errno.EIO, errno.ENODEV, errno.ENXIO])
def test_a_device_that_vanished_is_said(code: int) -> None:
    assert "/dev/ttyACM0 was unplugged" in explain(OSError(code, os.strerror(code)), "/dev/ttyACM0")


def test_what_is_no_serial_port_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught:
        open_port(str(tmp_path / "file"), 115200, dtr=True)
    assert "is no serial port" in explain(caught.value, str(tmp_path / "file"))


def test_who_holds_a_port_is_named_by_what_it_has_open(cable: Cable) -> None:
    code = f"import sys; port = open({str(cable.link)!r}, 'rb'); print('open', flush=True); sys.stdin.read()"
    holding = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holding.stdout is not None
    holding.stdout.readline()
    assert holder(str(cable.link)).endswith(f"(process {holding.pid})")
    assert f"process {holding.pid}" in explain(OSError(errno.EBUSY, "Device or resource busy"), str(cable.link))
    holding.communicate(timeout=20)
    assert holder(str(cable.link)) == ""


@pytest.mark.parametrize(("pid", "held"), [("self", False), ("alive", True), ("dead", False), ("nonsense", False)])
def test_a_lock_file_names_the_holder_while_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: str, held: bool
) -> None:
    monkeypatch.setattr(ports, "LOCKS", (str(tmp_path),))
    number = {"self": str(os.getpid()), "alive": "      1", "dead": "4194305"}.get(pid, pid)
    (tmp_path / "LCK..ttyACM0").write_text(number + "\n")
    assert bool(holder("/dev/ttyACM0")) is held


def test_a_busy_port_says_what_to_close() -> None:
    assert "close that program" in explain(OSError(errno.EBUSY, "Device or resource busy"), "/dev/ttyACM0")


def test_a_port_that_names_itself_is_named_once() -> None:
    text = explain(OSError("/dev/ttyACM0 was closed at the other end"), "/dev/ttyACM0")
    assert text == "/dev/ttyACM0 was closed at the other end; it is tried again by itself"


def test_an_address_that_refuses_asks_for_the_other_end() -> None:
    assert "is the other end running?" in explain(ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "socket://127.0.0.1:5")
