"""Alerts in the database: the rules in force, and the episodes that there were."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from services.alert_model import AlertRule, AlertRules, Episode
from services.storage.database import Connection, get_setting, set_setting

EPISODES_KEPT = 10_000
FROM_SETTINGS = "alert_rules_from_settings"  # the rules that the settings gave at the last start
COLUMNS = (
    *("id", "device", "rule_id", "channel", "severity", "start_us", "fired_us", "seen_us", "end_us", "cleared_us"),
    *("peak", "readings", "ended_by", "acknowledged_us", "rule", "evidence"),
)
# What is known of an episode only grows: an older word about it changes nothing, and hearing one twice neither.
UPSERT = f"""INSERT INTO alert_episodes ({", ".join(COLUMNS)}) VALUES ({", ".join("?" * len(COLUMNS))})
    ON CONFLICT (id) DO UPDATE SET
        peak = CASE WHEN excluded.seen_us >= seen_us THEN excluded.peak ELSE peak END,
        readings = max(readings, excluded.readings), seen_us = max(seen_us, excluded.seen_us),
        end_us = coalesce(end_us, excluded.end_us), cleared_us = coalesce(cleared_us, excluded.cleared_us),
        ended_by = CASE ended_by WHEN '' THEN excluded.ended_by ELSE ended_by END,
        acknowledged_us = coalesce(acknowledged_us, excluded.acknowledged_us),
        evidence = json_patch(evidence, excluded.evidence)"""  # noqa: S608 - names of columns
_READ = """SELECT id, device, rule, start_us, fired_us, seen_us, peak, readings, end_us, cleared_us, ended_by,
    acknowledged_us, evidence"""
_BETWEEN = f"""{_READ} FROM alert_episodes WHERE start_us < ?2 AND (end_us IS NULL OR end_us >= ?1)
    AND (?3 IS NULL OR device = ?3) ORDER BY start_us DESC, id LIMIT ?4"""
_OPEN = f"{_READ} FROM alert_episodes WHERE end_us IS NULL AND device = ? ORDER BY start_us"
_ONE = f"{_READ} FROM alert_episodes WHERE id = ?"
_TRIM = """DELETE FROM alert_episodes WHERE end_us IS NOT NULL AND start_us <= (
    SELECT start_us FROM alert_episodes ORDER BY start_us DESC LIMIT 1 OFFSET ?)"""


def row(episode: Episode) -> tuple[Any, ...]:
    """As UPSERT takes it."""
    rule = episode.rule
    return (
        episode.id, episode.device, rule.id, str(rule.channel), str(rule.severity), episode.start_us, episode.fired_us,
        episode.seen_us, episode.end_us, episode.cleared_us, float(episode.peak), episode.readings, episode.ended_by,
        episode.acknowledged_us, _json(rule), _json(episode.evidence),
    )  # fmt: skip


def trim(conn: Connection, kept: int = EPISODES_KEPT) -> None:
    """Let the oldest go that are over, beyond those to keep."""
    conn.execute(_TRIM, (kept,))


def episodes(conn: Connection, device: str | None, t0_us: int, t1_us: int, limit: int) -> list[Episode]:
    """Those that touch [t0, t1), newest first."""
    return [_episode(found) for found in conn.execute(_BETWEEN, (t0_us, t1_us, device, limit))]


def open_episodes(conn: Connection, device: str) -> list[Episode]:
    """Those that have not ended, oldest first."""
    return [_episode(found) for found in conn.execute(_OPEN, (device,))]


def episode(conn: Connection, episode_id: str) -> Episode | None:
    """The episode with this id (`Episode.id`), None when there is none, or when it was let go to make room."""
    found = conn.execute(_ONE, (episode_id,)).fetchone()
    return None if found is None else _episode(found)


# --- rules


def load(conn: Connection) -> AlertRules:
    """What is stored; nothing at the first start."""
    rows = conn.execute("SELECT body, snoozed_until_us, id FROM alert_rules ORDER BY place").fetchall()
    rules = tuple(msgspec.json.decode(body, type=AlertRule) for body, _, _ in rows)
    given = get_setting(conn, FROM_SETTINGS)
    known = msgspec.json.decode(given, type=tuple[AlertRule, ...]) if given else ()
    return AlertRules(rules, {name: until_us for _, until_us, name in rows if until_us}, known)


def save(conn: Connection, stored: AlertRules) -> None:
    """Inside a transaction. Open episodes of rules that are gone are over: nobody watches them any more."""
    rules = stored.rules
    rows = [(rule.id, at, _json(rule), stored.snoozed_until_us.get(rule.id, 0)) for at, rule in enumerate(rules)]
    conn.execute("DELETE FROM alert_rules")
    conn.executemany("INSERT INTO alert_rules (id, place, body, snoozed_until_us) VALUES (?, ?, ?, ?)", rows)
    set_setting(conn, FROM_SETTINGS, _json(stored.from_settings))
    conn.execute(
        """UPDATE alert_episodes SET end_us = seen_us, cleared_us = seen_us, ended_by = 'rule'
        WHERE end_us IS NULL AND rule_id NOT IN (SELECT value FROM json_each(?))""",
        (_json([rule.id for rule in rules if rule.enabled]),),
    )


def merged(stored: AlertRules, from_settings: Iterable[AlertRule]) -> AlertRules:
    """What the settings say now, brought into what is stored.

    A limit is taken in once: taken away on the page it stays away. One that the settings no longer have goes, unless
    it was changed on the page; one that was not changed is as the settings have it now.
    """
    given = {rule.id: rule for rule in from_settings}
    before = {rule.id: rule for rule in stored.from_settings}
    same = {rule.id for rule in stored.rules if before.get(rule.id) == rule}
    kept = [given.get(one.id, one) if one.id in same else one for one in stored.rules if one.id in given or one.id not in same]
    ids = {rule.id for rule in kept} | set(before)
    new = [rule for name, rule in given.items() if name not in ids]
    return AlertRules((*kept, *new), stored.snoozed_until_us, tuple(given.values()))


def _episode(found: tuple[Any, ...]) -> Episode:
    fields = dict(zip(Episode.__struct_fields__, found, strict=True))
    fields |= {"rule": msgspec.json.decode(fields["rule"], type=AlertRule), "evidence": msgspec.json.decode(fields["evidence"])}
    return Episode(**fields)


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
