"""Everything powermon raises on purpose.

PowermonError
├── SettingsError        options or settings file unusable (all problems at once)
├── BadRequest           a question that cannot be answered as asked (names the field)
│   ├── UnknownDevice
│   └── Conflict         it makes sense, but not as things are now
├── PortNotOpened        a board that was to be added: why its port did not open
├── CommandError         a command that the board cannot be sent
├── DatabaseError
│   ├── DatabaseUnreadable   not SQLite, no permission; the file is left untouched
│   ├── DatabaseTooNew       written by a newer powermon; left untouched
│   └── DatabaseLocked       another powermon is writing it
├── ExportCancelled
└── WireError            a value that cannot be put on the wire
"""

from __future__ import annotations


class PowermonError(Exception):
    """Root of the tree; the message is a sentence a user can act on."""


class SettingsError(PowermonError):
    """Every problem found in options, environment and settings file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class BadRequest(PowermonError):
    """A question that cannot be answered as asked; `field` names the parameter, `code` is for programs."""

    def __init__(self, message: str, field: str = "", code: str = "bad_request") -> None:
        super().__init__(message)
        self.field = field
        self.code = code


class UnknownDevice(BadRequest):
    """No reading was ever stored for this device and no link carries it."""

    def __init__(self, device: str, known: list[str]) -> None:
        names = ", ".join(known) or "none yet"
        super().__init__(f"unknown device {device!r}; known: {names}", "device", "unknown_device")


class Conflict(BadRequest):
    """Right in itself, but not as things are: the name or the port is taken, the board has no link."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message, field, "conflict")


class PortNotOpened(PowermonError):
    """The port of a board that was to be added did not open; the message says why and what to do."""


class CommandError(PowermonError):
    """The command cannot be sent: no such command, bad argument, no link."""


class DatabaseError(PowermonError):
    """The database cannot be used; the message says why and what to do."""


class DatabaseUnreadable(DatabaseError):
    """The file is no SQLite database or may not be opened."""


class DatabaseTooNew(DatabaseError):
    """The schema was written by a newer powermon."""


class DatabaseLocked(DatabaseError):
    """Another program holds the database for writing."""


class ExportCancelled(PowermonError):
    """The person, or their browser, stopped the export."""


class WireError(PowermonError):
    """The value does not fit on the wire (line too long, number out of range)."""
