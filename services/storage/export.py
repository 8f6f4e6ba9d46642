"""Readings as CSV or Parquet, a page at a time.

CSV numbers are printed exactly as stored (whole millionths, at most 6 decimals), without a float in between: a page is a
table of characters that numpy fills column by column; characters that are not needed are NUL and removed at the end.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.analysis.marks import STATUS_BITS, marked, status_of
from services.errors import BadRequest
from services.model import CHANNELS, I64, U8, U16, Flag, Readings

FORMATS = ("csv", "parquet")
NAMES = {"v": ("voltage", "v"), "a": ("current", "a"), "w": ("power", "w")}
RISKY = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so
ROW_GROUP = 50_000  # readings in one Parquet row group
# Measured: a third of the time and three quarters of the size of what pyarrow chooses, 40 MB less memory.
WORDS = ["device", "status"]  # columns that are worth a dictionary
PACKED = dict.fromkeys(("time", "boot", "seq"), "DELTA_BINARY_PACKED")
SECOND_US = 1_000_000
WIRE_MASK = 0xFFFFFFFF
# Measured (2 shared cores, 1.7 million readings): bytes and seconds a reading.
FIGURES = {"csv": (78.0, 1.6e-6), "parquet": (23.0, 1.0e-6), "json": (150.0, 6.0e-6)}


class ExportOptions(msgspec.Struct, frozen=True):
    """How an export looks. `zone`: "UTC" or an IANA name. Raises BadRequest when it makes no sense."""

    delimiter: str = ","
    decimal: str = "."
    zone: str = "UTC"
    channels: tuple[str, ...] = CHANNELS
    header_units: bool = True

    def __post_init__(self) -> None:
        if self.delimiter not in (",", ";", "\t", "|"):
            raise BadRequest("delimiter: must be a comma, semicolon, tab or bar", "delimiter")
        if self.decimal not in (".", ",") or self.decimal == self.delimiter:
            raise BadRequest("decimal: must be a point or a comma, and not the delimiter", "decimal")
        if not self.channels or not set(self.channels) <= set(CHANNELS):
            raise BadRequest("channels: must be some of v,a,w", "channels")
        zone_of(self.zone)


class Estimate(msgspec.Struct, frozen=True):
    """How much an export will be, and how long it will take."""

    rows: int
    bytes: int
    seconds: float


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name. Raises BadRequest."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # unknown names are a KeyError, odd ones one of the others
        raise BadRequest(f"zone: {name!r} is no time zone (try UTC or Europe/Berlin)", "zone") from error


def estimate(rows: int, format_: str) -> Estimate:
    """What `rows` readings will make in "csv", "parquet" or "json"."""
    if format_ not in FIGURES:
        raise BadRequest(f"format: must be one of {', '.join(FIGURES)}", "format")
    size, seconds = FIGURES[format_]
    return Estimate(rows, round(rows * size), round(rows * seconds, 3))


Words = Callable[[], Sequence[str]]  # the boards' own words for what is wrong, as far as they are known now


def _no_words() -> Sequence[str]:
    return ()


def export(
    device: str, pages: Iterable[Readings], format_: str, options: ExportOptions, words: Words = _no_words
) -> Iterator[bytes]:
    """The file's bytes, page by page."""
    if format_ == "csv":
        return csv_rows(device, pages, options, words)
    if format_ == "parquet":
        return parquet(device, pages, options, words)
    raise BadRequest(f"format: must be one of {', '.join(FORMATS)}", "format")


# --- CSV


def csv_rows(device: str, pages: Iterable[Readings], options: ExportOptions, words: Words = _no_words) -> Iterator[bytes]:
    """Header first, then a chunk per page. `seq` is the number as on the wire, as everywhere outside the program."""
    yield header(options)
    name = cell(device, options.delimiter).encode()
    zone = zone_of(options.zone)
    for page in pages:
        if len(page):
            yield _csv_page(page, name, zone, options, words)


def header(options: ExportOptions) -> bytes:
    """time,device,boot,seq,voltage_v,current_a,power_w,status,recovered"""
    values = ["_".join(NAMES[channel]) if options.header_units else NAMES[channel][0] for channel in options.channels]
    return (options.delimiter.join(("time", "device", "boot", "seq", *values, "status", "recovered")) + "\r\n").encode()


def harmless(text: str) -> str:
    """Text from outside that no spreadsheet runs."""
    text = text.replace("\0", "")
    return "'" + text if text.startswith(RISKY) else text


def cell(text: str, delimiter: str) -> str:
    """Text from outside as one harmless cell."""
    text = harmless(text)
    if any(mark in text for mark in (delimiter, '"', "\r", "\n")):
        text = '"' + text.replace('"', '""') + '"'
    return text


def _csv_page(page: Readings, device: bytes, zone: ZoneInfo, options: ExportOptions, words: Words) -> bytes:
    n, mark, point = len(page), options.delimiter.encode(), options.decimal.encode()
    blocks = [
        _times(page.time_us, zone),
        _text(n, mark + device + mark),
        _integers(page.boot),
        _text(n, mark),
        _integers(page.seq & WIRE_MASK),
    ]
    for channel in options.channels:
        blocks += [_text(n, mark), *_decimals(getattr(page, channel), point)]
    flags = page.flags.astype(np.int64) & int(Flag.RECOVERED)
    blocks += [
        _text(n, mark),
        _statuses(page.flags, words, options.delimiter),
        _text(n, mark),
        _integers(flags),
        _text(n, b"\r\n"),
    ]
    return np.concatenate(blocks, axis=1).tobytes().translate(None, b"\0")


def _text(n: int, text: bytes) -> U8:
    """The same characters in every row."""
    return np.broadcast_to(np.frombuffer(text, np.uint8), (n, len(text)))


def _statuses(flags: U16, words: Words, delimiter: str) -> U8:
    """`ok`, or what a reading is marked with."""
    if not marked(flags).any():
        return _text(len(flags), b"ok")
    kinds, index = np.unique(flags & STATUS_BITS, return_inverse=True)
    known = words()
    texts = [cell(status_of(int(kind), known), delimiter).encode() for kind in kinds]
    width = max(map(len, texts))
    return np.frombuffer(b"".join(text.ljust(width, b"\0") for text in texts), np.uint8).reshape(-1, width)[index]


def _times(time_us: I64, zone: ZoneInfo) -> U8:
    """ISO 8601 with microseconds and the zone's offset, `Z` for UTC."""
    seconds = time_us // SECOND_US
    starts = np.concatenate(([0], np.flatnonzero(np.diff(seconds)) + 1))
    texts = [_second(second, zone) for second in seconds[starts].tolist()]
    width = max(len(text) for text in texts)
    table = np.frombuffer(b"".join(text.ljust(width, b"\0") for text in texts), np.uint8).reshape(-1, width)
    rows = np.repeat(table, np.diff(starts, append=len(seconds)), axis=0)
    micros = (time_us - seconds * SECOND_US).astype(np.uint32)
    dot, upper = _text(len(rows), b"."), micros // np.uint32(1000)
    return np.concatenate((rows[:, :19], dot, _DIGITS[upper], _DIGITS[micros - upper * np.uint32(1000)], rows[:, 19:]), axis=1)


def _second(second: int, zone: ZoneInfo) -> bytes:
    text = datetime.fromtimestamp(second, zone).isoformat()
    return (text[:19] + "Z" if zone.key == "UTC" else text).encode()


_DIGITS: U8 = np.frombuffer("".join(f"{n:03d}" for n in range(1000)).encode(), np.uint8).reshape(-1, 3)


def _trimmed(keep: int) -> U8:
    """Three digits each, without zeros at the end but for the first `keep` digits."""
    texts = (f"{n:03d}"[:keep] + f"{n:03d}"[keep:].rstrip("0") for n in range(1000))
    return np.frombuffer("".join(text.ljust(3, "\0") for text in texts).encode(), np.uint8).reshape(-1, 3)


_LAST_DIGITS = _trimmed(0)  # of the lower three decimals
_FIRST_DIGITS = np.concatenate((_DIGITS, _trimmed(1)))  # of the upper three: as they are, or at the number's end


def _integers(values: I64) -> U8:
    """Decimal digits with a minus where needed."""
    size = np.abs(values)
    groups: list[U8] = []
    rest = size
    while True:
        upper = rest // 1000
        groups.insert(0, _DIGITS[rest - upper * 1000])
        rest = upper
        if not rest.any():
            break
    digits = np.concatenate(groups, axis=1)
    for at in range(digits.shape[1] - 1):  # no zeros before the first digit; the last one stays
        digits[:, at] *= size >= 10 ** (digits.shape[1] - 1 - at)
    if not (values < 0).any():
        return digits
    return np.concatenate((np.where(values < 0, np.uint8(ord("-")), np.uint8(0))[:, None], digits), axis=1)


def _decimals(values: NDArray[np.float64], point: bytes) -> list[U8]:
    """Millionths, exactly: 5.02, 0.245, 12.0."""
    micro = np.rint(values * 1e6).astype(np.int64)
    size = np.abs(micro)
    whole = size // SECOND_US
    part = (size - whole * SECOND_US).astype(np.uint32)
    upper = part // np.uint32(1000)
    lower = part - upper * np.uint32(1000)
    sign = np.where(micro < 0, np.uint8(ord("-")), np.uint8(0))[:, None]
    first = _FIRST_DIGITS[upper + np.uint32(1000) * (lower == 0)]
    return [sign, _integers(whole), _text(len(values), point), first, _LAST_DIGITS[lower]]


# --- Parquet


class _Sink(io.RawIOBase):
    """Where pyarrow writes, and whence we take what it wrote so far."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def parquet(device: str, pages: Iterable[Readings], options: ExportOptions, words: Words = _no_words) -> Iterator[bytes]:
    """Columns as in CSV, with real types; one row group about every ROW_GROUP readings."""
    import pyarrow as pa  # only here: loading it takes longer than starting the program
    import pyarrow.parquet as pq

    names = ["_".join(NAMES[channel]) for channel in options.channels]
    word = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [("time", pa.timestamp("us", options.zone)), ("device", word), ("boot", pa.int64()), ("seq", pa.int64())]
        + [(name, pa.float64()) for name in names]
        + [("status", word), ("recovered", pa.bool_())]
    )

    def table(rows: Readings) -> Any:
        n = len(rows)
        name = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), [device])
        kinds, index = np.unique(rows.flags & STATUS_BITS, return_inverse=True)
        known = words() if kinds.any() else ()
        texts = [status_of(int(kind), known) for kind in kinds]
        status = pa.array(texts, pa.string()).dictionary_encode().take(pa.array(index.astype(np.int32)))
        times = pa.array(rows.time_us).cast(schema.field("time").type)
        columns = [times, name, pa.array(rows.boot), pa.array(rows.seq & WIRE_MASK)]
        columns += [pa.array(getattr(rows, channel)) for channel in options.channels]
        columns += [status, pa.array((rows.flags & np.uint16(Flag.RECOVERED)).astype(bool))]
        return pa.Table.from_arrays(columns, schema=schema)

    sink = _Sink()
    how = {"compression": "zstd", "use_dictionary": WORDS, "column_encoding": PACKED}
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, **how) as writer:
        yield sink.take()  # the file's mark, before the first row group is full: the client sees that it begins
        for rows in _grouped(pages):
            writer.write_table(table(rows), row_group_size=ROW_GROUP * 4)
            yield sink.take()
    yield sink.take()


def _grouped(pages: Iterable[Readings]) -> Iterator[Readings]:
    """Pages joined to row groups."""
    waiting: list[Readings] = []
    for page in pages:
        waiting.append(page)
        if sum(map(len, waiting)) >= ROW_GROUP:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(pages: list[Readings]) -> Readings:
    return Readings(*(np.concatenate([getattr(page, name) for page in pages]) for name in Readings.__struct_fields__))
