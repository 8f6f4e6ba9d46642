"""What must hold, whatever happens: each promise is a function of the world that raises `Broken`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.model import GapState
from tests.model.program import Watched

if TYPE_CHECKING:
    from tests.model.board import Life, Measured
    from tests.model.world import World

FRESH_US = 2_000_000  # a reading that is younger may still be under way
COMMITTED_US = 4_000_000  # and one that had to be asked for may wait for its commit


class Broken(AssertionError):
    """A promise was broken; the message begins with its name."""


def _check(world: World, name: str, holds: bool, why: Callable[[], str]) -> None:
    if not holds and name not in world.skip:
        raise Broken(f"{name}: {why()}")


def _names(readings: list[Measured]) -> str:
    numbers = [(reading.life.board, reading.n) for reading in readings]
    return f"{len(numbers)} readings, {numbers[:5]} … {numbers[-2:]}"


def acknowledged(world: World, said: dict[str, Any]) -> None:
    """What the board forgets by this acknowledgement is settled on disk."""
    board, life = world.board, world.life
    if said["boot"] != board.boot:
        return
    up_to, settled = life.number(said["ack"]), world.on_disk().settled
    forgotten = [reading for reading in board.ring if reading.n <= up_to]
    missing = [reading for reading in forgotten if reading.key not in settled and not life.lies]
    _check(world, "acknowledged is on disk", not missing, lambda: f"up to {up_to}, but {_names(missing)} are not stored")
    known = life.known_by == world.starts  # who spoke last may have had the same boot number
    _check(world, "acknowledged was measured", up_to < len(life.measured) or not known, lambda: f"{up_to}")


def overwritten(world: World, readings: list[Measured]) -> None:
    """What the board just overwrote is stored or had come, unless the wire was bad for much of the time that it was held."""
    kind, life = world.board.kind, world.life
    span_us = kind.ring * world.board.interval_us
    enough_us = max(round(0.6 * span_us), 3_000_000) + round(1e6 * kind.ring / kind.offers_per_s) + 1_000_000
    judged = life.surely is not None and kind.claims is None and not life.lies and not world.refused_by_us
    if readings and judged and world.healthy_us(readings[0].t_us) >= enough_us:
        settled = world.on_disk().settled
        ignored = [r for r in readings if r.heard_by != world.starts and r.key not in settled and r.n >= (life.surely or 0)]
        _check(world, "missing is asked for in time", not ignored, lambda: f"{_names(ignored)} overwritten, the wire was good")
    readings.clear()


# --- after each move


def always(world: World) -> None:
    """What holds at any moment."""
    disk = world.on_disk()
    twice = [] if world.tricked else disk.twice
    _check(world, "stored once", not twice, lambda: f"{_names(twice)} stored twice")
    foreign = disk.foreign if world.kind.level else []  # without a checksum a glitch is a reading
    _check(world, "stored is what was measured", not foreign, lambda: f"{foreign[:3]} was never measured")
    _nothing_vanishes(world)
    _one_run_one_life(world)
    _check(world, "no SQL under the lock", not Watched.under_lock, lambda: f"{Watched.under_lock} statements")
    if world.program is not None:
        _lost_is_lost(world)
        _not_yet_complete(world)


def _nothing_vanishes(world: World) -> None:
    gone, world.disk.vanished = world.disk.vanished, []
    oldest_us = world.now_us - round(world.retention_h * 3.6e9)
    early = [] if world.leapt else [reading for reading in gone if reading.t_us > oldest_us + FRESH_US]
    _check(world, "nothing stored vanishes", not early, lambda: f"{_names(early)} are gone before their time")


def _one_run_one_life(world: World) -> None:
    owner: dict[int, Life] = {}
    for row, reading in world.on_disk().rows if world.kind.level else ():
        life = owner.setdefault(row.run_id, reading.life)
        _check(world, "one run, one count", life is reading.life, lambda run=row.run_id: f"run {run} mixes two counts of boards")


def _lost_is_lost(world: World) -> None:
    """What the board still holds is not called lost."""
    life = world.life
    if life.lies or not life.level:
        return
    runs = {row.run_id: reading.life for row, reading in world.on_disk().rows}
    mine = {world.disk.boots[run] for run, owner in runs.items() if owner is life}
    settled = world.disk.settled
    for gap in world.program.gaps() if world.program else []:
        if gap.boot not in mine or not gap.lost:
            continue
        numbers = [life.number(seq % (1 << 32)) for seq in range(gap.first, min(gap.last, gap.first + 200_000) + 1)]
        gone = sum(1 for n in numbers if not _reachable(life, n, settled))
        _check(world, "lost is lost", gap.lost <= gone, lambda g=gap, c=gone: f"{g.lost} said, {c} at most of {g}")


def _reachable(life: Life, n: int, settled: set[int]) -> bool:
    if not 0 <= n < len(life.measured):
        return False
    reading = life.measured[n]
    return reading.held or reading.key in settled


def _not_yet_complete(world: World) -> None:
    """While a number that the program was told of is outstanding, it does not say 100 %."""
    life, program = world.life, world.program
    if program is None or not life.level or life.lies or life.surely is None:
        return
    told = [reading for reading in life.measured if reading.heard_by == world.starts]
    if not told:
        return
    first, last = max(life.surely, told[0].n), told[-1].n
    settled = world.on_disk().settled
    absent = [reading for reading in life.measured[first:last] if reading.heard_by != world.starts and reading.key not in settled]
    if not absent or len(absent) > 9_000:
        return
    said = program.device.snapshot().counts.completeness
    _check(world, "outstanding is said", said is None or said < 1, lambda: f"100 % while {_names(absent)} are outstanding")


# --- when all is well again


def quiet(world: World) -> bool:
    """Whether the program thinks that nothing is outstanding, and all that the board holds is fresh."""
    program, ring = world.program, world.board.ring
    if program is None or program.waiting > 50:
        return False
    fresh = not ring or world.now_us - ring[0].t_us < FRESH_US + 10 * world.board.interval_us
    ended = not program.device.snapshot().counts.missing
    return fresh and ended and all(gap.state is not GapState.OPEN for gap in program.gaps())


def at_the_end(world: World) -> None:
    """After a bounded time in which everything worked."""
    always(world)
    program = world.program
    assert program is not None
    open_gaps = [gap for gap in program.gaps() if gap.state is GapState.OPEN]
    missing = program.device.snapshot().counts.missing
    _check(world, "every gap ends", not open_gaps and not missing, lambda: f"{missing} missing, {open_gaps}")
    _all_that_was_held(world)
    _lost_exactly(world)
    _marked(world)
    _time(world)


def _all_that_was_held(world: World) -> None:
    """What the board still holds, or told the program that runs now, is stored; fresh readings may be under way."""
    settled, life = world.on_disk().settled, world.life
    old = [reading for reading in life.measured if world.now_us - reading.t_us > COMMITTED_US]
    first = life.begin or 0
    absent = [reading for reading in old if reading.key not in settled and reading.held and reading.n >= first]
    if not life.level and not world.refused_by_us:
        absent = [reading for reading in old if reading.key not in settled and reading.heard_by == world.starts]
    _check(world, "what is held comes", not absent, lambda: f"{_names(absent)} are not stored")


def _lost_exactly(world: World) -> None:
    settled = world.on_disk().settled
    bounds = [_lost_bounds(world, life, settled) for life in world.truth.lives if life.numbered]
    least, most = sum(low for low, _ in bounds), sum(high for _, high in bounds)
    counts = world.program.recorded_counts() if world.program else None
    assert counts is not None
    if world.retention_h < 1 or world.anew or world.tricked:
        least = 0
    if world.anew or world.tricked:
        most = len(world.truth.by_key)
    said = f"lost {counts.lost} said, {least} to {most} true; {counts.received} received, {len(world.disk.rows)} stored"
    _check(world, "lost is all that is lost", counts.lost >= least, lambda: said)
    _check(world, "lost is no more than is lost", counts.lost <= most, lambda: said)
    if world.retention_h >= 1:
        rows = len(world.disk.rows) + len(world.disk.foreign)
        _check(world, "received is what is stored", counts.received == rows, lambda: said)
    stored = len(settled) + len(world.disk.foreign)  # at level 0 a line with a wrong number is a reading all the same
    share = stored / max(1, stored + least)
    whole = counts.completeness
    _check(world, "completeness is true", whole is None or whole <= share + 1e-9, lambda: f"{whole} said, {share} true; {said}")


def _lost_bounds(world: World, life: Life, settled: set[int]) -> tuple[int, int]:
    """How many of this count's numbers are lost: at least what lies among those on disk, at most all that was ever heard of."""
    stored = [reading.n for reading in life.measured if reading.key in settled]
    begin, surely = life.begin, life.surely
    if not life.level:
        begin = surely = stored[0] if stored else 0
    if life.lies:  # it may offer what lies before the beginning that its hello tells of
        begin = 0
    if life.lies or surely is None:
        surely = stored[0] if stored else len(life.measured)
    top = min(life.heard, len(life.measured) - 1)
    if not life.over and life.level:
        top = min([top, *(reading.n - 1 for reading in world.board.ring)])
    absent = [reading.n for reading in life.measured if reading.key not in settled]
    most = sum(1 for n in absent if max(begin or 0, 0) <= n <= max(top, stored[-1] if stored else -1))
    return sum(1 for n in absent if stored and surely <= n <= stored[-1]), most


def _marked(world: World) -> None:
    """A reading with values is stored, whatever its range or the board's word: marked, not refused."""
    stored = world.on_disk().settled
    odd = [r for r in world.truth.by_key.values() if r.kind in ("range", "overflow") and r.heard_by == world.starts]
    refused = [r for r in odd if r.key not in stored and r.held and world.now_us - r.t_us > COMMITTED_US]
    _check(world, "marked is stored", not refused, lambda: f"{_names(refused)} have no row")


def _time(world: World) -> None:
    """Coverage and energy: no more than the time that passed, no less than what numbers without a hole prove."""
    if world.leapt or world.retention_h < 1 or any(life.lies or life.leapt for life in world.truth.lives):
        return
    rows = world.on_disk().rows
    said_s = sum(row.hold_us for row, _ in rows) / 1e6
    said_j = sum(row.hold_us * row.w_uw for row, _ in rows) / 1e12
    true_s, true_j, pieces = 0.0, 0.0, 0
    before: Measured | None = None
    for _, reading in rows:
        joined = before is not None and before.life is reading.life and before.n + 1 == reading.n
        pieces += not joined
        if joined:
            true_s += reading.interval_us / 1e6
            true_j += reading.interval_us * reading.w / 1e6
        before = reading
    intervals_s = max((reading.interval_us for _, reading in rows), default=0) / 1e6
    slack_s = 0.5 + world.slack_s + (pieces + world.breaks) * max(0.3, 3 * intervals_s)
    watts = max((reading.w for _, reading in rows), default=0.0)
    told = f"{said_s:.2f} s and {said_j:.2f} J said, {true_s:.2f} s and {true_j:.2f} J true, {pieces} pieces, ± {slack_s:.1f} s"
    _check(world, "coverage is no more than the time", said_s <= 1.02 * true_s + slack_s, lambda: told)
    _check(world, "coverage is no less than is proved", said_s >= 0.98 * true_s - slack_s, lambda: told)
    _check(world, "energy is true", abs(said_j - true_j) <= 0.02 * true_j + slack_s * watts, lambda: told)
