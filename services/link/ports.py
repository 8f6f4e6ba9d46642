"""Serial ports of this machine, and the port doctor: what is wrong with one and the command that mends it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from serial.tools import list_ports as pyserial_ports

from services.model import PortInfo

# Arduino, CH340, CP210x, FTDI, RP2040, Espressif
LIKELY_VIDS = frozenset({0x2341, 0x2A03, 0x1A86, 0x10C4, 0x0403, 0x2E8A, 0x303A})


def list_ports() -> list[PortInfo]:
    """Every port with hardware behind it; those of known boards first."""
    found = []
    for port in pyserial_ports.comports():
        if port.vid is None and (not port.hwid or port.hwid == "n/a"):
            continue
        vid_pid = f"{port.vid:04X}:{port.pid:04X}" if port.vid is not None and port.pid is not None else ""
        advice = _access_advice(port.device)
        found.append(PortInfo(port.device, port.description or port.device, vid_pid, port.vid in LIKELY_VIDS, advice))
    return sorted(found, key=lambda item: (not item.likely, item.url))


def explain(error: BaseException, url: str) -> str:
    """What happened to the port, what it means, what to do."""
    code = getattr(error, "errno", None)
    text = str(error)
    if "://" in url:
        return f"{url}: {text}; is the other end running?"
    if code == errno.ENOENT or "No such file" in text:
        there = ", ".join(port.url for port in list_ports()) or "none"
        return f"{url} is not there: unplugged, or under another name (ports found: {there}); it is tried again by itself"
    if code == errno.EACCES or "Permission denied" in text:
        return _access_advice(url) or f"{url}: permission denied"
    if code in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "exclusively lock" in text:
        holder = _holder(url)
        who = f"{url} is in use{f' by {holder}' if holder else ''}"
        return f"{who}: close that program (or its serial monitor); it is tried again by itself"
    return f"{url}: {text}; it is tried again by itself"


def _access_advice(device: str) -> str:
    if os.name != "posix" or not Path(device).exists() or os.access(device, os.R_OK | os.W_OK):
        return ""
    try:
        group = Path(device).group()
    except (KeyError, OSError):
        group = "dialout"
    return f"{device}: no permission; run `sudo usermod -aG {group} $USER`, then log out and in again"


def _holder(url: str) -> str:
    """Program and process id that have the port open, as far as /proc shows it."""
    target = os.path.realpath(url)
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        try:
            if any(os.path.realpath(fd) == target for fd in (entry / "fd").iterdir()):
                return f"{(entry / 'comm').read_text().strip()} (process {entry.name})"
        except OSError:
            continue
    return ""
