"""Serial ports of this machine, and the port doctor: what is wrong with one and the command that mends it."""

from __future__ import annotations

import errno
import os
import shlex
from pathlib import Path
from typing import Any

import serial
from serial.tools import list_ports as pyserial_ports

from services.live_model import PortInfo

# Arduino, CH340, CP210x, FTDI, RP2040, Espressif
LIKELY_VIDS = frozenset({0x2341, 0x2A03, 0x1A86, 0x10C4, 0x0403, 0x2E8A, 0x303A})
SERIAL_GROUPS = ("dialout", "uucp", "tty")  # Debian and Fedora, Arch, others
RULES = "/etc/udev/rules.d/70-powermon.rules"
LOCKS = ("/run/lock", "/var/lock")  # where terminal programs leave LCK..ttyACM0 with their process id
CONTAINER_SIGNS = ("/.dockerenv", "/run/.containerenv")
AGAIN = "; it is tried again by itself"
Plugged = tuple[str, int]  # place, inode
WAIT_S = 0.05  # what a read waits for a first byte


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


def is_local(url: str) -> bool:
    """A device of this machine, not an address."""
    return "://" not in url


def place_of(url: str) -> str:
    """Two names of one port have the same place: /dev/serial/by-id/… is a link to /dev/ttyACM0."""
    return os.path.realpath(url) if is_local(url) else url.rstrip("/").lower()


def plugged_in(url: str) -> Plugged:
    """Tells a port from one that was unplugged and came back under its name."""
    place = place_of(url)
    try:
        return place, os.stat(place).st_ino  # noqa: PTH116
    except OSError:
        return place, 0


def open_port(url: str, baud: int, *, dtr: bool) -> Any:
    """Open it for us alone. Raises OSError (SerialException is one) or ValueError."""
    port = serial.serial_for_url(url, do_not_open=True, baudrate=baud, timeout=WAIT_S, write_timeout=1.0)
    if is_local(url):
        port.exclusive = True  # a second program on the port would steal bytes
        if not dtr:
            port.dtr = False
    port.open()
    return port


def explain(error: BaseException, url: str) -> str:
    """What happened to the port, what it means, what to do."""
    code = getattr(error, "errno", None)
    text = str(error)
    if not is_local(url):
        return f"{url}: {text}; is the other end running?"
    if code == errno.ENOENT or "No such file" in text:
        return _missing(url)
    if code in (errno.EACCES, errno.EPERM) or "Permission denied" in text or "not permitted" in text:
        return _access_advice(url, refused=True)
    if code in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "exclusively lock" in text:
        return in_use(url, holder(url))
    if code in (errno.EIO, errno.ENODEV, errno.ENXIO) or "returned no data" in text:
        return f"{url} was unplugged or its driver gave up{AGAIN}"
    if code in (errno.ENOTTY, errno.EISDIR) or "Inappropriate ioctl" in text:
        return f"{url} is no serial port: choose one of those that are there ({_names()})"
    return f"{text}{AGAIN}" if text.startswith(url) else f"{url}: {text}{AGAIN}"


def in_use(url: str, who: str) -> str:
    """The sentence for a port that another program has."""
    by = f" by {who}" if who else ""
    return f"{url} is in use{by}: close that program (or its serial monitor){AGAIN}"


def holder(url: str) -> str:
    """Program and process id that have the port open, as far as the system shows it (all of them only to root)."""
    return _lock_holder(url) or _open_at(place_of(url))


def _names() -> str:
    return ", ".join(port.url for port in list_ports()) or "none"


def _missing(url: str) -> str:
    passed = f"; a container must be given it with `--device={url}`" if in_container() and url.startswith("/dev/") else ""
    return f"{url} is not there: unplugged, or under another name (ports found: {_names()}){passed}{AGAIN}"


def in_container() -> bool:
    """Docker and podman leave a sign."""
    return any(Path(sign).exists() for sign in CONTAINER_SIGNS)


def _access_advice(device: str, *, refused: bool = False) -> str:
    """Empty when we may read and write it, as far as file permissions say; `refused`: the system said no."""
    if not refused and (os.name != "posix" or not Path(device).exists() or os.access(device, os.R_OK | os.W_OK)):
        return ""
    if os.name != "posix":
        return f"{device}: permission denied; another program may have it open"
    if in_container():
        return (
            f"{device}: not allowed in this container; start it with `--device={device} "
            f"--group-add $(stat -c %g {shlex.quote(device)})`"
        )
    group = _group_of(device)
    if not group:
        return f"{device}: no permission, and no group has one; {_rule(device)}"
    if group in _groups_of_user():
        return f"{device}: no permission yet: you are in the group {group}, but not in this session; log out and in again"
    return f"{device}: no permission; run `sudo usermod -aG {group} $USER`, then log out and in again"


def _group_of(device: str) -> str:
    """The group that may read and write the device; empty when there is none that a person should join."""
    try:
        mode, group = Path(device).stat().st_mode, Path(device).group()
    except (KeyError, OSError):
        return SERIAL_GROUPS[0]
    return group if group not in ("root", "wheel", "sudo") and mode & 0o060 == 0o060 else ""


def _groups_of_user() -> list[str]:
    """Of which the system's list says that we are members; a session learns of it when it begins."""
    if os.name != "posix":
        return []
    import grp
    import pwd

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return []
    return [group.gr_name for group in grp.getgrall() if user in group.gr_mem]


def _rule(device: str) -> str:
    """Nobody should join the group root for a serial port: a rule gives the port to the group for serial ports."""
    name = Path(place_of(device)).name
    rule = f'KERNEL=="{name}", GROUP="{_serial_group()}", MODE="0660"'
    return f"run `echo '{rule}' | sudo tee {RULES} && sudo udevadm control --reload && sudo udevadm trigger`"


def _serial_group() -> str:
    import grp

    known = {group.gr_name for group in grp.getgrall()}
    return next((name for name in SERIAL_GROUPS if name in known), SERIAL_GROUPS[0])


def _lock_holder(url: str) -> str:
    """The process that a lock file names, while it lives."""
    for folder in LOCKS:
        try:
            pid = int(Path(folder, f"LCK..{Path(place_of(url)).name}").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            continue
        if pid != os.getpid() and Path(f"/proc/{pid}").exists():
            return _program(Path(f"/proc/{pid}"))
    return ""


def _open_at(place: str) -> str:
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) != os.getpid() and _has_open(entry / "fd", place):
            return _program(entry)
    return ""


def _has_open(descriptors: Path, place: str) -> bool:
    """One system call for each: there may be tens of thousands."""
    try:
        for name in os.listdir(descriptors):  # noqa: PTH208
            try:
                if os.readlink(f"{descriptors}/{name}") == place:  # noqa: PTH115
                    return True
            except OSError:  # closed meanwhile
                continue
    except OSError:  # another user's
        return False
    return False


def _program(entry: Path) -> str:
    try:
        return f"{(entry / 'comm').read_text().strip()} (process {entry.name})"
    except OSError:
        return f"process {entry.name}"
