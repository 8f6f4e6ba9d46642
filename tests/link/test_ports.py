"""The port doctor names the trouble and what mends it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from serial.tools import list_ports as pyserial_ports
from serial.tools.list_ports_common import ListPortInfo

from services.link.ports import explain, list_ports


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


def test_no_permission_names_the_group_and_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "ttyACM0"
    device.touch()
    monkeypatch.setattr(os, "access", lambda *args: False)
    text = explain(PermissionError(errno.EACCES, "Permission denied"), str(device))
    assert f"sudo usermod -aG {device.group()} $USER" in text


def test_a_busy_port_says_what_to_close() -> None:
    assert "close that program" in explain(OSError(errno.EBUSY, "Device or resource busy"), "/dev/ttyACM0")


def test_an_address_that_refuses_asks_for_the_other_end() -> None:
    assert "is the other end running?" in explain(ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "socket://127.0.0.1:5")
