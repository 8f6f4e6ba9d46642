-- Frozen: a database as schema 5 wrote it. Never edit.
PRAGMA application_id = 1347243854;
PRAGMA user_version = 5;
BEGIN TRANSACTION;
CREATE TABLE alert_episodes (
            id TEXT PRIMARY KEY, device TEXT NOT NULL, rule_id TEXT NOT NULL, channel TEXT NOT NULL, severity TEXT NOT NULL,
            start_us INTEGER NOT NULL, fired_us INTEGER NOT NULL, seen_us INTEGER NOT NULL, -- the newest reading in it
            end_us INTEGER, cleared_us INTEGER, -- NULL while it goes on
            peak REAL NOT NULL, readings INTEGER NOT NULL, ended_by TEXT NOT NULL, acknowledged_us INTEGER,
            rule TEXT NOT NULL, evidence TEXT NOT NULL -- JSON
        ) STRICT;
INSERT INTO "alert_episodes" VALUES('mine.bench.1700000000000000','bench','mine','w','danger',1700000000000000,1700000001000000,1700000002000000,NULL,NULL,12.5,21,'',NULL,'{"id":"mine","channel":"w","severity":"danger","on":10,"off":9,"above":true,"hold_s":1.0,"clear_s":0.0,"device":"","actions":[],"repeat_s":60.0,"enabled":true,"name":""}','{}');
CREATE TABLE alert_rules (
            id TEXT PRIMARY KEY, place INTEGER NOT NULL, body TEXT NOT NULL, -- JSON
            snoozed_until_us INTEGER NOT NULL DEFAULT 0
        ) STRICT;
INSERT INTO "alert_rules" VALUES('mine',0,'{"id":"mine","channel":"w","severity":"danger","on":10,"off":9,"above":true,"hold_s":1.0,"clear_s":0.0,"device":"","actions":[],"repeat_s":60.0,"enabled":true,"name":""}',1700000000000005);
CREATE TABLE devices (
            device_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
            highest_boot INTEGER NOT NULL DEFAULT 0,
            horizon_us INTEGER NOT NULL DEFAULT 0, -- readings before it are gone or going
            compact_us INTEGER NOT NULL DEFAULT 0, -- one-minute rollups before it too
            longest_gap_us INTEGER NOT NULL DEFAULT 0
        ) STRICT;
INSERT INTO "devices" VALUES(1,'bench',1,0,0,0);
CREATE TABLE events (
            id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, device TEXT NOT NULL, kind TEXT NOT NULL,
            text TEXT NOT NULL, data TEXT NOT NULL
        ) STRICT;
CREATE TABLE gaps (
            run_id INTEGER NOT NULL REFERENCES runs, first INTEGER NOT NULL, last INTEGER NOT NULL,
            device_id INTEGER NOT NULL REFERENCES devices, t0_us INTEGER NOT NULL, t1_us INTEGER NOT NULL,
            state TEXT NOT NULL, PRIMARY KEY (run_id, first)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE marked_10ms (
    id INTEGER PRIMARY KEY, -- as in the tier
    n INTEGER NOT NULL, recovered INTEGER NOT NULL, late INTEGER NOT NULL,
    v_min INTEGER NOT NULL, a_min INTEGER NOT NULL, w_min INTEGER NOT NULL,
    v_max INTEGER NOT NULL, a_max INTEGER NOT NULL, w_max INTEGER NOT NULL
) STRICT;
CREATE TABLE marked_1s (
    id INTEGER PRIMARY KEY, -- as in the tier
    n INTEGER NOT NULL, recovered INTEGER NOT NULL, late INTEGER NOT NULL,
    v_min INTEGER NOT NULL, a_min INTEGER NOT NULL, w_min INTEGER NOT NULL,
    v_max INTEGER NOT NULL, a_max INTEGER NOT NULL, w_max INTEGER NOT NULL
) STRICT;
CREATE TABLE marked_20s (
    id INTEGER PRIMARY KEY, -- as in the tier
    n INTEGER NOT NULL, recovered INTEGER NOT NULL, late INTEGER NOT NULL,
    v_min INTEGER NOT NULL, a_min INTEGER NOT NULL, w_min INTEGER NOT NULL,
    v_max INTEGER NOT NULL, a_max INTEGER NOT NULL, w_max INTEGER NOT NULL
) STRICT;
CREATE TABLE marked_250ms (
    id INTEGER PRIMARY KEY, -- as in the tier
    n INTEGER NOT NULL, recovered INTEGER NOT NULL, late INTEGER NOT NULL,
    v_min INTEGER NOT NULL, a_min INTEGER NOT NULL, w_min INTEGER NOT NULL,
    v_max INTEGER NOT NULL, a_max INTEGER NOT NULL, w_max INTEGER NOT NULL
) STRICT;
CREATE TABLE marked_50ms (
    id INTEGER PRIMARY KEY, -- as in the tier
    n INTEGER NOT NULL, recovered INTEGER NOT NULL, late INTEGER NOT NULL,
    v_min INTEGER NOT NULL, a_min INTEGER NOT NULL, w_min INTEGER NOT NULL,
    v_max INTEGER NOT NULL, a_max INTEGER NOT NULL, w_max INTEGER NOT NULL
) STRICT;
CREATE TABLE marked_5s (
    id INTEGER PRIMARY KEY, -- as in the tier
    n INTEGER NOT NULL, recovered INTEGER NOT NULL, late INTEGER NOT NULL,
    v_min INTEGER NOT NULL, a_min INTEGER NOT NULL, w_min INTEGER NOT NULL,
    v_max INTEGER NOT NULL, a_max INTEGER NOT NULL, w_max INTEGER NOT NULL
) STRICT;
CREATE TABLE marked_60s (
    id INTEGER PRIMARY KEY, -- as in the tier
    n INTEGER NOT NULL, recovered INTEGER NOT NULL, late INTEGER NOT NULL,
    v_min INTEGER NOT NULL, a_min INTEGER NOT NULL, w_min INTEGER NOT NULL,
    v_max INTEGER NOT NULL, a_max INTEGER NOT NULL, w_max INTEGER NOT NULL
) STRICT;
CREATE TABLE overlaps (
            device_id INTEGER NOT NULL REFERENCES devices, t0_us INTEGER NOT NULL, t1_us INTEGER NOT NULL,
            PRIMARY KEY (device_id, t0_us)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE readings (
            id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL,
            v_uv INTEGER NOT NULL, a_ua INTEGER NOT NULL, w_uw INTEGER NOT NULL,
            hold_us INTEGER NOT NULL, flags INTEGER NOT NULL
        ) STRICT;
INSERT INTO "readings" VALUES(1099511627776,0,4500000,250000,1250000,100000,0);
INSERT INTO "readings" VALUES(1099511627777,100000,5000000,250000,1250000,100000,0);
INSERT INTO "readings" VALUES(1099511627778,200000,5500000,250000,1250000,100000,0);
CREATE TABLE rejected_lines (
            id INTEGER PRIMARY KEY, device_id INTEGER NOT NULL REFERENCES devices, time_us INTEGER NOT NULL,
            reason TEXT NOT NULL, line TEXT NOT NULL, detail TEXT NOT NULL, boot INTEGER, seq INTEGER
        ) STRICT;
CREATE TABLE rejected_seqs (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE rollup_10ms (
    id INTEGER PRIMARY KEY, -- device_id << 40 | start of the bucket / its width
    n INTEGER NOT NULL, hold_us INTEGER NOT NULL,
    v_min INTEGER NOT NULL, v_max INTEGER NOT NULL, v_sum REAL NOT NULL, v_sq REAL NOT NULL, -- sums are times hold_us
    a_min INTEGER NOT NULL, a_max INTEGER NOT NULL, a_sum REAL NOT NULL, a_sq REAL NOT NULL,
    w_min INTEGER NOT NULL, w_max INTEGER NOT NULL, w_sum REAL NOT NULL, w_sq REAL NOT NULL,
    recovered INTEGER NOT NULL, late INTEGER NOT NULL
) STRICT;
CREATE TABLE rollup_1s (
    id INTEGER PRIMARY KEY, -- device_id << 40 | start of the bucket / its width
    n INTEGER NOT NULL, hold_us INTEGER NOT NULL,
    v_min INTEGER NOT NULL, v_max INTEGER NOT NULL, v_sum REAL NOT NULL, v_sq REAL NOT NULL, -- sums are times hold_us
    a_min INTEGER NOT NULL, a_max INTEGER NOT NULL, a_sum REAL NOT NULL, a_sq REAL NOT NULL,
    w_min INTEGER NOT NULL, w_max INTEGER NOT NULL, w_sum REAL NOT NULL, w_sq REAL NOT NULL,
    recovered INTEGER NOT NULL, late INTEGER NOT NULL
) STRICT;
INSERT INTO "rollup_1s" VALUES(1101211627776,3,300000,4500000,5500000,1500000000000.0,7.55e+18,250000,250000,75000000000.0,1.875e+16,1250000,1250000,375000000000.0,4.6875e+17,0,0);
CREATE TABLE rollup_20s (
    id INTEGER PRIMARY KEY, -- device_id << 40 | start of the bucket / its width
    n INTEGER NOT NULL, hold_us INTEGER NOT NULL,
    v_min INTEGER NOT NULL, v_max INTEGER NOT NULL, v_sum REAL NOT NULL, v_sq REAL NOT NULL, -- sums are times hold_us
    a_min INTEGER NOT NULL, a_max INTEGER NOT NULL, a_sum REAL NOT NULL, a_sq REAL NOT NULL,
    w_min INTEGER NOT NULL, w_max INTEGER NOT NULL, w_sum REAL NOT NULL, w_sq REAL NOT NULL,
    recovered INTEGER NOT NULL, late INTEGER NOT NULL
) STRICT;
INSERT INTO "rollup_20s" VALUES(1099596627776,3,300000,4500000,5500000,1500000000000.0,7.55e+18,250000,250000,75000000000.0,1.875e+16,1250000,1250000,375000000000.0,4.6875e+17,0,0);
CREATE TABLE rollup_250ms (
    id INTEGER PRIMARY KEY, -- device_id << 40 | start of the bucket / its width
    n INTEGER NOT NULL, hold_us INTEGER NOT NULL,
    v_min INTEGER NOT NULL, v_max INTEGER NOT NULL, v_sum REAL NOT NULL, v_sq REAL NOT NULL, -- sums are times hold_us
    a_min INTEGER NOT NULL, a_max INTEGER NOT NULL, a_sum REAL NOT NULL, a_sq REAL NOT NULL,
    w_min INTEGER NOT NULL, w_max INTEGER NOT NULL, w_sum REAL NOT NULL, w_sq REAL NOT NULL,
    recovered INTEGER NOT NULL, late INTEGER NOT NULL
) STRICT;
CREATE TABLE rollup_50ms (
    id INTEGER PRIMARY KEY, -- device_id << 40 | start of the bucket / its width
    n INTEGER NOT NULL, hold_us INTEGER NOT NULL,
    v_min INTEGER NOT NULL, v_max INTEGER NOT NULL, v_sum REAL NOT NULL, v_sq REAL NOT NULL, -- sums are times hold_us
    a_min INTEGER NOT NULL, a_max INTEGER NOT NULL, a_sum REAL NOT NULL, a_sq REAL NOT NULL,
    w_min INTEGER NOT NULL, w_max INTEGER NOT NULL, w_sum REAL NOT NULL, w_sq REAL NOT NULL,
    recovered INTEGER NOT NULL, late INTEGER NOT NULL
) STRICT;
CREATE TABLE rollup_5s (
    id INTEGER PRIMARY KEY, -- device_id << 40 | start of the bucket / its width
    n INTEGER NOT NULL, hold_us INTEGER NOT NULL,
    v_min INTEGER NOT NULL, v_max INTEGER NOT NULL, v_sum REAL NOT NULL, v_sq REAL NOT NULL, -- sums are times hold_us
    a_min INTEGER NOT NULL, a_max INTEGER NOT NULL, a_sum REAL NOT NULL, a_sq REAL NOT NULL,
    w_min INTEGER NOT NULL, w_max INTEGER NOT NULL, w_sum REAL NOT NULL, w_sq REAL NOT NULL,
    recovered INTEGER NOT NULL, late INTEGER NOT NULL
) STRICT;
INSERT INTO "rollup_5s" VALUES(1099851627776,3,300000,4500000,5500000,1500000000000.0,7.55e+18,250000,250000,75000000000.0,1.875e+16,1250000,1250000,375000000000.0,4.6875e+17,0,0);
CREATE TABLE rollup_60s (
    id INTEGER PRIMARY KEY, -- device_id << 40 | start of the bucket / its width
    n INTEGER NOT NULL, hold_us INTEGER NOT NULL,
    v_min INTEGER NOT NULL, v_max INTEGER NOT NULL, v_sum REAL NOT NULL, v_sq REAL NOT NULL, -- sums are times hold_us
    a_min INTEGER NOT NULL, a_max INTEGER NOT NULL, a_sum REAL NOT NULL, a_sq REAL NOT NULL,
    w_min INTEGER NOT NULL, w_max INTEGER NOT NULL, w_sum REAL NOT NULL, w_sq REAL NOT NULL,
    recovered INTEGER NOT NULL, late INTEGER NOT NULL, finest INTEGER NOT NULL
, marked INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "rollup_60s" VALUES(1099539961109,3,300000,4500000,5500000,1500000000000.0,7.55e+18,250000,250000,75000000000.0,1.875e+16,1250000,1250000,375000000000.0,4.6875e+17,0,0,3,0);
CREATE TABLE runs (
            run_id INTEGER PRIMARY KEY, device_id INTEGER NOT NULL REFERENCES devices, boot INTEGER NOT NULL,
            t0_us INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
            disorder_us INTEGER NOT NULL DEFAULT 0, board_id TEXT NOT NULL DEFAULT '', wire_boot INTEGER, last_ms INTEGER, -- how far a reading's time may lie before that of a lower number
            UNIQUE (device_id, boot)
        ) STRICT;
INSERT INTO "runs" VALUES(1,1,1,1700000000000000,1700000000000000,1700000000200000,0,'',1,NULL);
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "settings" VALUES('alert_rules_from_settings','[]');
INSERT INTO "settings" VALUES('clean_stop','1');
INSERT INTO "settings" VALUES('empty_bytes','114688');
CREATE TABLE status_words (code INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE tallies (
            device_id INTEGER NOT NULL REFERENCES devices, second_us INTEGER NOT NULL, kind TEXT NOT NULL,
            count INTEGER NOT NULL, PRIMARY KEY (device_id, second_us, kind)
        ) STRICT, WITHOUT ROWID;
CREATE INDEX runs_time ON runs (device_id, last_us);
CREATE INDEX rejected_lines_device ON rejected_lines (device_id);
CREATE INDEX events_time ON events (time_us);
CREATE VIEW power_log AS SELECT
            r.time_us + runs.t0_us AS timestamp, -- UTC, microseconds since 1970
            r.v_uv / 1e6 AS voltage, r.a_ua / 1e6 AS current, r.w_uw / 1e6 AS power, -- V, A, W
            r.id & 4294967295 AS seq,
            CASE WHEN r.flags < 16 THEN 'ok' ELSE coalesce((SELECT word FROM status_words WHERE code = r.flags >> 8),
                CASE (r.flags >> 5) & 7 WHEN 1 THEN 'voltage_range' WHEN 2 THEN 'current_range' WHEN 3 THEN 'power_range'
                WHEN 4 THEN 'overflow' WHEN 5 THEN 'sensor_error' ELSE 'status' END) END AS status,
            devices.name AS device, runs.boot AS boot,
            (r.flags & 1) <> 0 AS recovered, (r.flags & 2) <> 0 AS derived, (r.flags & 4) <> 0 AS late,
            (r.flags & 16) <> 0 AS marked
        FROM readings AS r JOIN runs ON runs.run_id = r.id >> 40 JOIN devices ON devices.device_id = runs.device_id;
CREATE VIEW power_minutes AS SELECT
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
        FROM rollup_60s AS m JOIN devices ON devices.device_id = m.id >> 40 LEFT JOIN marked_60s AS x ON x.id = m.id;
CREATE INDEX alert_episodes_start ON alert_episodes (start_us);
CREATE INDEX alert_episodes_open ON alert_episodes (device) WHERE end_us IS NULL;
CREATE VIEW alert_events AS SELECT
            start_us AS timestamp, device, rule_id AS rule, channel, severity, -- UTC, microseconds since 1970
            (coalesce(end_us, seen_us) - start_us) / 1e6 AS duration_s, end_us IS NULL AS going_on, peak, readings,
            acknowledged_us IS NOT NULL AS acknowledged
        FROM alert_episodes;
CREATE INDEX gaps_time ON gaps (device_id, t0_us);
CREATE INDEX gaps_open ON gaps (run_id) WHERE state = 'open';
COMMIT;
