"""What is in the file: the tables, and the numbered steps that led to them.

Never change a step that was released; add one. `PRAGMA user_version` is the number of steps a file has seen.

Integers throughout: µV, µA, µW and microseconds. A reading's id is `run_id << 40 | extended sequence number`, where a
run is one boot of one device; its time is relative to the run's `t0_us`. That makes about 35 bytes a reading.
"""

from __future__ import annotations

SEQ_BITS = 40
SEQ_MASK = (1 << SEQ_BITS) - 1
BUCKET_BITS = 40
BUCKET_MASK = (1 << BUCKET_BITS) - 1

# All widths divide a minute, each the next one: a coarser tier is made of the finer one, and retention cuts at minutes.
TIERS: tuple[tuple[str, int], ...] = (
    ("rollup_10ms", 10_000),
    ("rollup_50ms", 50_000),
    ("rollup_250ms", 250_000),
    ("rollup_1s", 1_000_000),
    ("rollup_5s", 5_000_000),
    ("rollup_20s", 20_000_000),
    ("rollup_60s", 60_000_000),
)
WIDTHS = tuple(width for _, width in TIERS)
MINUTE_TIER = len(TIERS) - 1
MINUTE_US = WIDTHS[MINUTE_TIER]

_SUMS = """(
    id INTEGER PRIMARY KEY, -- device_id << 40 | start of the bucket / its width
    n INTEGER NOT NULL, hold_us INTEGER NOT NULL,
    v_min INTEGER NOT NULL, v_max INTEGER NOT NULL, v_sum REAL NOT NULL, v_sq REAL NOT NULL, -- sums are times hold_us
    a_min INTEGER NOT NULL, a_max INTEGER NOT NULL, a_sum REAL NOT NULL, a_sq REAL NOT NULL,
    w_min INTEGER NOT NULL, w_max INTEGER NOT NULL, w_sum REAL NOT NULL, w_sq REAL NOT NULL,
    recovered INTEGER NOT NULL, late INTEGER NOT NULL{more}
) STRICT"""


def _tier(name: str) -> str:
    more = ", finest INTEGER NOT NULL" if name == TIERS[MINUTE_TIER][0] else ""  # the finest tier this minute has
    return f"CREATE TABLE {name} " + _SUMS.format(more=more)


# The marked readings of the same buckets, in tables of their own: nearly no bucket has any.
_MARKED = """(
    id INTEGER PRIMARY KEY, -- as in the tier
    n INTEGER NOT NULL, recovered INTEGER NOT NULL, late INTEGER NOT NULL,
    v_min INTEGER NOT NULL, a_min INTEGER NOT NULL, w_min INTEGER NOT NULL,
    v_max INTEGER NOT NULL, a_max INTEGER NOT NULL, w_max INTEGER NOT NULL
) STRICT"""
MARKED_TIERS = tuple(name.replace("rollup", "marked") for name, _ in TIERS)
# What a bucket without a reading that counts has for extremes: it loses against everything.
NO_MIN, NO_MAX = 1 << 62, -(1 << 62)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
        """CREATE TABLE devices (
            device_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
            highest_boot INTEGER NOT NULL DEFAULT 0,
            horizon_us INTEGER NOT NULL DEFAULT 0, -- readings before it are gone or going
            compact_us INTEGER NOT NULL DEFAULT 0, -- one-minute rollups before it too
            longest_gap_us INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        """CREATE TABLE runs (
            run_id INTEGER PRIMARY KEY, device_id INTEGER NOT NULL REFERENCES devices, boot INTEGER NOT NULL,
            t0_us INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
            disorder_us INTEGER NOT NULL DEFAULT 0, -- how far a reading's time may lie before that of a lower number
            UNIQUE (device_id, boot)
        ) STRICT""",
        "CREATE INDEX runs_time ON runs (device_id, last_us)",
        """CREATE TABLE readings (
            id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL,
            v_uv INTEGER NOT NULL, a_ua INTEGER NOT NULL, w_uw INTEGER NOT NULL,
            hold_us INTEGER NOT NULL, flags INTEGER NOT NULL
        ) STRICT""",
        # Readings that came but were refused: with the readings they say which numbers are accounted for.
        "CREATE TABLE rejected_seqs (id INTEGER PRIMARY KEY) STRICT",
        """CREATE TABLE rejected_lines (
            id INTEGER PRIMARY KEY, device_id INTEGER NOT NULL REFERENCES devices, time_us INTEGER NOT NULL,
            reason TEXT NOT NULL, line TEXT NOT NULL, detail TEXT NOT NULL, boot INTEGER, seq INTEGER
        ) STRICT""",
        "CREATE INDEX rejected_lines_device ON rejected_lines (device_id)",
        """CREATE TABLE gaps (
            run_id INTEGER NOT NULL REFERENCES runs, first INTEGER NOT NULL, last INTEGER NOT NULL,
            device_id INTEGER NOT NULL REFERENCES devices, t0_us INTEGER NOT NULL, t1_us INTEGER NOT NULL,
            state TEXT NOT NULL, missing INTEGER NOT NULL, recovered INTEGER NOT NULL, lost INTEGER NOT NULL,
            PRIMARY KEY (run_id, first)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX gaps_time ON gaps (device_id, t0_us)",
        "CREATE INDEX gaps_open ON gaps (run_id) WHERE state = 'open'",
        """CREATE TABLE events (
            id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, device TEXT NOT NULL, kind TEXT NOT NULL,
            text TEXT NOT NULL, data TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX events_time ON events (time_us)",
        """CREATE TABLE tallies (
            device_id INTEGER NOT NULL REFERENCES devices, second_us INTEGER NOT NULL, kind TEXT NOT NULL,
            count INTEGER NOT NULL, PRIMARY KEY (device_id, second_us, kind)
        ) STRICT, WITHOUT ROWID""",
        *(_tier(name) for name, _ in TIERS),
        """CREATE VIEW power_log AS SELECT
            r.time_us + runs.t0_us AS timestamp, -- UTC, microseconds since 1970
            r.v_uv / 1e6 AS voltage, r.a_ua / 1e6 AS current, r.w_uw / 1e6 AS power, -- V, A, W
            r.id & 4294967295 AS seq, 'ok' AS status, devices.name AS device, runs.boot AS boot,
            (r.flags & 1) <> 0 AS recovered, (r.flags & 2) <> 0 AS derived, (r.flags & 4) <> 0 AS late
        FROM readings AS r JOIN runs ON runs.run_id = r.id >> 40 JOIN devices ON devices.device_id = runs.device_id""",
        """CREATE VIEW power_minutes AS SELECT
            (m.id & 1099511627775) * 60000000 AS timestamp, devices.name AS device, m.n AS count, m.hold_us / 1e6 AS coverage_s,
            m.v_min / 1e6 AS voltage_min, m.v_sum / m.hold_us / 1e6 AS voltage_mean, m.v_max / 1e6 AS voltage_max,
            m.a_min / 1e6 AS current_min, m.a_sum / m.hold_us / 1e6 AS current_mean, m.a_max / 1e6 AS current_max,
            m.w_min / 1e6 AS power_min, m.w_sum / m.hold_us / 1e6 AS power_mean, m.w_max / 1e6 AS power_max
        FROM rollup_60s AS m JOIN devices ON devices.device_id = m.id >> 40""",
        "CREATE VIEW alert_events AS SELECT * FROM events WHERE kind = 'alert'",
    ),
    (  # readings out of range, saturated or doubted by their board are kept, with a mark in their flags
        "CREATE TABLE status_words (code INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT",
        *(f"CREATE TABLE {name} {_MARKED}" for name in MARKED_TIERS),
        f"ALTER TABLE {TIERS[MINUTE_TIER][0]} ADD COLUMN marked INTEGER NOT NULL DEFAULT 0",  # beside n, not in it
        "DROP VIEW power_log",
        """CREATE VIEW power_log AS SELECT
            r.time_us + runs.t0_us AS timestamp, -- UTC, microseconds since 1970
            r.v_uv / 1e6 AS voltage, r.a_ua / 1e6 AS current, r.w_uw / 1e6 AS power, -- V, A, W
            r.id & 4294967295 AS seq,
            CASE WHEN r.flags < 16 THEN 'ok' ELSE coalesce((SELECT word FROM status_words WHERE code = r.flags >> 8),
                CASE (r.flags >> 5) & 7 WHEN 1 THEN 'voltage_range' WHEN 2 THEN 'current_range' WHEN 3 THEN 'power_range'
                WHEN 4 THEN 'overflow' WHEN 5 THEN 'sensor_error' ELSE 'status' END) END AS status,
            devices.name AS device, runs.boot AS boot,
            (r.flags & 1) <> 0 AS recovered, (r.flags & 2) <> 0 AS derived, (r.flags & 4) <> 0 AS late,
            (r.flags & 16) <> 0 AS marked
        FROM readings AS r JOIN runs ON runs.run_id = r.id >> 40 JOIN devices ON devices.device_id = runs.device_id""",
        "DROP VIEW power_minutes",
        """CREATE VIEW power_minutes AS SELECT
            (m.id & 1099511627775) * 60000000 AS timestamp, devices.name AS device, m.n AS count, m.hold_us / 1e6 AS coverage_s,
            iif(m.n, m.v_min / 1e6, NULL) AS voltage_min, m.v_sum / nullif(m.hold_us, 0) / 1e6 AS voltage_mean,
            iif(m.n, m.v_max / 1e6, NULL) AS voltage_max,
            iif(m.n, m.a_min / 1e6, NULL) AS current_min, m.a_sum / nullif(m.hold_us, 0) / 1e6 AS current_mean,
            iif(m.n, m.a_max / 1e6, NULL) AS current_max,
            iif(m.n, m.w_min / 1e6, NULL) AS power_min, m.w_sum / nullif(m.hold_us, 0) / 1e6 AS power_mean,
            iif(m.n, m.w_max / 1e6, NULL) AS power_max,
            m.marked AS marked,
            x.v_min / 1e6 AS voltage_marked_min, x.v_max / 1e6 AS voltage_marked_max,
            x.a_min / 1e6 AS current_marked_min, x.a_max / 1e6 AS current_marked_max,
            x.w_min / 1e6 AS power_marked_min, x.w_max / 1e6 AS power_marked_max
        FROM rollup_60s AS m JOIN devices ON devices.device_id = m.id >> 40 LEFT JOIN marked_60s AS x ON x.id = m.id""",
    ),
    (
        """CREATE TABLE alert_rules (
            id TEXT PRIMARY KEY, place INTEGER NOT NULL, body TEXT NOT NULL, -- JSON
            snoozed_until_us INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        # One row for each time that a rule fired, however many readings it had.
        """CREATE TABLE alert_episodes (
            id TEXT PRIMARY KEY, device TEXT NOT NULL, rule_id TEXT NOT NULL, channel TEXT NOT NULL, severity TEXT NOT NULL,
            start_us INTEGER NOT NULL, fired_us INTEGER NOT NULL, seen_us INTEGER NOT NULL, -- the newest reading in it
            end_us INTEGER, cleared_us INTEGER, -- NULL while it goes on
            peak REAL NOT NULL, readings INTEGER NOT NULL, ended_by TEXT NOT NULL, acknowledged_us INTEGER,
            rule TEXT NOT NULL, evidence TEXT NOT NULL -- JSON
        ) STRICT""",
        "CREATE INDEX alert_episodes_start ON alert_episodes (start_us)",
        "CREATE INDEX alert_episodes_open ON alert_episodes (device) WHERE end_us IS NULL",
        "DROP VIEW alert_events",
        """CREATE VIEW alert_events AS SELECT
            start_us AS timestamp, device, rule_id AS rule, channel, severity, -- UTC, microseconds since 1970
            (coalesce(end_us, seen_us) - start_us) / 1e6 AS duration_s, end_us IS NULL AS going_on, peak, readings,
            acknowledged_us IS NOT NULL AS acknowledged
        FROM alert_episodes""",
    ),    (  # the computer's clock was set back: what was measured before and after has the same time
        """CREATE TABLE overlaps (
            device_id INTEGER NOT NULL REFERENCES devices, t0_us INTEGER NOT NULL, t1_us INTEGER NOT NULL,
            PRIMARY KEY (device_id, t0_us)
        ) STRICT, WITHOUT ROWID""",
    ),
    (
        # A run of numbers and a board's boot are two things. Of older runs only the number is known, that of the board's
        # boot where it was not taken; '' fits any board.
        "ALTER TABLE runs ADD COLUMN board_id TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE runs ADD COLUMN wire_boot INTEGER",  # NULL: the board says none (level 0)
        "ALTER TABLE runs ADD COLUMN last_ms INTEGER",  # the board's uptime at the newest reading
        "UPDATE runs SET wire_boot = boot",
        # A gap is numbers of one fate: 'open', 'recovered' or 'lost'; how many is last - first + 1, and is kept nowhere else.
        "ALTER TABLE gaps RENAME TO old_gaps",
        "DROP INDEX gaps_time",
        "DROP INDEX gaps_open",
        """CREATE TABLE gaps (
            run_id INTEGER NOT NULL REFERENCES runs, first INTEGER NOT NULL, last INTEGER NOT NULL,
            device_id INTEGER NOT NULL REFERENCES devices, t0_us INTEGER NOT NULL, t1_us INTEGER NOT NULL,
            state TEXT NOT NULL, PRIMARY KEY (run_id, first)
        ) STRICT, WITHOUT ROWID""",
        # Which of a gap's numbers did not come is told by the readings and refused lines themselves.
        """INSERT INTO gaps
        WITH wanting AS (SELECT * FROM old_gaps WHERE missing + lost > 0),
        came AS (
            SELECT run_id, first AS gap, first - 1 AS seq FROM wanting
            UNION SELECT run_id, first, last + 1 FROM wanting
            UNION SELECT g.run_id, g.first, r.id & 1099511627775 FROM wanting AS g
                JOIN readings AS r ON r.id BETWEEN (g.run_id << 40 | g.first) AND (g.run_id << 40 | g.last)
            UNION SELECT g.run_id, g.first, r.id & 1099511627775 FROM wanting AS g
                JOIN rejected_seqs AS r ON r.id BETWEEN (g.run_id << 40 | g.first) AND (g.run_id << 40 | g.last)
        ),
        holes AS (
            SELECT run_id, gap, seq + 1 AS first, lead(seq) OVER (PARTITION BY run_id, gap ORDER BY seq) - 1 AS last FROM came
        )
        SELECT h.run_id, h.first, h.last, g.device_id,
            g.t0_us + (g.t1_us - g.t0_us) * (h.first - g.first) / (g.last - g.first + 2),
            g.t0_us + (g.t1_us - g.t0_us) * (h.last - g.first + 2) / (g.last - g.first + 2),
            CASE WHEN g.missing > 0 THEN 'open' ELSE 'lost' END
        FROM holes AS h JOIN wanting AS g ON g.run_id = h.run_id AND g.first = h.gap WHERE h.last >= h.first""",
        """INSERT OR IGNORE INTO gaps SELECT run_id, first, last, device_id, t0_us, t1_us, 'recovered' FROM old_gaps
        WHERE missing + lost = 0""",
        "DROP TABLE old_gaps",
        "CREATE INDEX gaps_time ON gaps (device_id, t0_us)",
        "CREATE INDEX gaps_open ON gaps (run_id) WHERE state = 'open'",
    ),
)
VERSION = len(MIGRATIONS)
