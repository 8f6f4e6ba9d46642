"""Settings that can be changed while the program runs: each has its effect at once, and is remembered in the database.

At the start what the command line or the environment says wins over what is remembered, and that over file and default.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from services import logs
from services.errors import BadRequest
from services.options import OPTIONS
from services.settings import Settings
from services.storage.store import Store

log = logging.getLogger(__name__)
CHANGEABLE = ("interval_ms", "retention_h", "max_db_mb", "log_level")
REMEMBERED = "changed"  # the setting in the database: JSON {option: value}
_PARSERS = {option.name: option.parse for option in OPTIONS if option.name in CHANGEABLE}


class LiveSettings:
    """`now` is replaced, never changed: whoever got it may look at it in peace."""

    def __init__(self, settings: Settings, storage: Store) -> None:
        self.now = settings
        self._storage = storage
        self._remembered: dict[str, Any] = {}

    def start(self) -> None:
        """Puts what is remembered into effect; the storage runs already."""
        self._remembered = self._recall()
        mine = {name: value for name, value in self._remembered.items() if name not in self.now.given}
        if mine:
            self._apply(mine)

    def values(self) -> dict[str, Any]:
        """What is in effect, by option."""
        max_bytes = self.now.max_bytes
        size = None if max_bytes is None else max_bytes / 1_000_000
        return {name: size if name == "max_db_mb" else getattr(self.now, name) for name in CHANGEABLE}

    def change(self, wanted: Mapping[str, Any]) -> list[str]:
        """The options that are another now. All of them or none. Raises BadRequest with the option at fault."""
        checked = {name: _checked(name, value) for name, value in wanted.items()}
        days = self.now.compact_days
        if 0 < days * 24 <= checked.get("retention_h", 0):
            raise BadRequest(f"retention_h must be less than the {days * 24:g} hours of --compact-days", "retention_h")
        before = self.values()
        changed = [name for name, value in checked.items() if value != before[name]]
        if not changed:
            return []
        remembered = self._remembered | {name: checked[name] for name in changed}
        if not self._storage.keep_setting(REMEMBERED, msgspec.json.encode(remembered).decode()):
            raise BadRequest("the database cannot be written now: nothing was changed", changed[0])
        self._remembered = remembered
        self._apply({name: checked[name] for name in changed})
        log.info("changed while running: %s", ", ".join(f"{name} = {checked[name]}" for name in changed))
        return changed

    def _recall(self) -> dict[str, Any]:
        text = self._storage.setting(REMEMBERED)
        try:
            found = {} if text is None else msgspec.json.decode(text, type=dict[str, Any])
            return {name: _checked(name, value) for name, value in found.items() if name in CHANGEABLE}
        except (msgspec.MsgspecError, BadRequest) as error:
            log.warning("the settings changed earlier cannot be read: %s", error)
            return {}

    def _apply(self, values: dict[str, Any]) -> None:
        fields = {name: value for name, value in values.items() if name != "max_db_mb"}
        if "max_db_mb" in values:
            fields["max_bytes"] = None if values["max_db_mb"] is None else int(values["max_db_mb"] * 1_000_000)
        self.now = msgspec.structs.replace(self.now, **fields)
        self._storage.keep(self.now.retention_h, self.now.max_bytes)
        if "log_level" in values:
            logs.set_level(self.now.log_level)


def _checked(name: str, value: Any) -> Any:
    parse = _PARSERS.get(name)
    if parse is None:
        raise BadRequest(f"{name} cannot be changed while the program runs", name)
    if name == "max_db_mb" and value is None:
        return None  # no limit
    try:
        return parse(value)
    except ValueError as error:
        raise BadRequest(f"{name} {error}", name) from None
