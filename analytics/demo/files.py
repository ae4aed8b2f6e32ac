"""The demo country's complaints as Parquet files: positions and seconds become names, times and texts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analytics.demo.counts import Integers
from analytics.demo.handling import NEVER, STATUSES, Handling
from analytics.demo.rows import KINDS, Country, Rows

ID_DIGITS, KEY_DIGITS = 10, 12
REPEATING = [
    *("source", "status", "kind", "region", "municipality", "topic_group", "topic", "channel", "official_page"),
    "agency",
]


class ComplaintFiles:
    """Writes rows in the columns of the store's table `complaints`, ids running on from file to file."""

    def __init__(self, country: Country, start: date) -> None:
        self._country, self._start, self._written = country, np.datetime64(start, "us"), 0
        places, groups = country.places, country.groups
        channels = country.settings["channels"]
        self._social = np.cumsum([channel["social"] for channel in channels]) - 1
        self._is_social = np.array([channel["social"] for channel in channels])
        social = [channel["name"] for channel in channels if channel["social"]]
        self._pages = [f"{name} | {channel}" for name in places.administrations for channel in social]
        ministries = [f"{row['agency_ru']} ({region})" for region in places.regions for row in groups]
        self._agencies = [*places.administrations, *ministries]
        self._local = np.array([float(row["local_percent"]) / 100 for row in groups])
        self._names = {
            "region": places.regions,
            "municipality": places.names,
            "topic_group": [row["topic_group_ru"] for row in groups],
            "topic": country.topics.names,
            "channel": [channel["name"] for channel in channels],
        }

    def write(self, path: Path, rows: Rows, handling: Handling, luck: NDArray[np.float64]) -> None:
        """Writes one file; `luck` (uniform, one a row) decides between the administration and the ministry."""
        count = len(rows.opened)
        located = rows.spot >= 0
        latitude, longitude = self._country.places.spots[rows.spot].T
        columns = {
            "source": named(np.zeros(count, dtype=np.int64), ["demo"]),
            "id": self._ids(count),
            "opened_at": self._times(rows.opened),
            "closed_at": self._times(handling.closed),
            "due_at": self._times(handling.due),
            "first_answer_at": self._times(handling.first_answer),
            "status": named(handling.status, STATUSES),
            "kind": named(rows.kind, KINDS),
            **{name: named(getattr(rows, name), names) for name, names in self._names.items()},
            "official_page": self._official_page(rows),
            "agency": named(self._agency(rows, luck), self._agencies),
            "latitude": pa.array(latitude.round(3), mask=~located),
            "longitude": pa.array(longitude.round(3), mask=~located),
            "sender_key": _sender_keys(rows.sender, self._country.seed),
        }
        self._written += count
        pq.write_table(pa.table(columns), path, compression="zstd", use_dictionary=REPEATING)

    def _times(self, seconds: Integers) -> pa.Array:
        return pa.array(self._start + seconds.astype("timedelta64[s]"), pa.timestamp("us"), mask=seconds == NEVER)

    def _official_page(self, rows: Rows) -> pa.Array:
        page = rows.municipality * (self._social[-1] + 1) + self._social[rows.channel]
        return named(page, self._pages, mask=~self._is_social[rows.channel])

    def _agency(self, rows: Rows, luck: NDArray[np.float64]) -> Integers:
        ministry = len(self._country.places.names) + rows.region * len(self._local) + rows.topic_group
        return np.where(luck < self._local[rows.topic_group], rows.municipality, ministry)

    def _ids(self, count: int) -> pa.Array:
        """The prefix, a hyphen and the number of the complaint with leading zeros."""
        number = np.arange(self._written + 1, self._written + count + 1)
        digits = number[:, None] // 10 ** np.arange(ID_DIGITS - 1, -1, -1) % 10 + ord("0")
        prefix = np.frombuffer(f"{self._country.settings['prefix']}-".encode(), dtype=np.uint8)
        return _fixed_width(np.hstack([np.tile(prefix, (count, 1)), digits.astype(np.uint8)]))


def _sender_keys(sender: Integers, seed: int) -> pa.Array:
    """A short hash of each sender in hexadecimal digits (the mixing steps of splitmix64); empty where unknown."""
    value = sender.astype(np.uint64) + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    value ^= value >> np.uint64(31)
    digits = (value[:, None] >> (4 * np.arange(KEY_DIGITS, dtype=np.uint64))) & np.uint64(15)
    letters = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[digits]
    return _fixed_width(letters, missing=sender < 0)


def _fixed_width(characters: NDArray[np.uint8], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Texts of one length from (texts, bytes): straight into Arrow's buffers, as one by one would take minutes."""
    count, width = characters.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    valid = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))]
    return pa.Array.from_buffers(pa.string(), count, buffers)


def named(positions: Integers, names: list[str], mask: NDArray[np.bool_] | None = None) -> pa.Array:
    """Positions as texts, each text in use stored once; null where masked.

    A text that two positions share must be stored once too: pyarrow writes other bytes each time if it is not.
    """
    seen = positions if mask is None else positions[~mask]
    used = np.flatnonzero(np.bincount(seen, minlength=len(names)))
    texts = {text: number for number, text in enumerate(dict.fromkeys(names[position] for position in used))}
    place = np.zeros(len(names), dtype=np.int32)
    place[used] = [texts[names[position]] for position in used]
    return pa.DictionaryArray.from_arrays(pa.array(place[positions], mask=mask), pa.array(list(texts), pa.string()))
