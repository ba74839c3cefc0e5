"""The Numenta Anomaly Benchmark as it is packed: series of times and values, and windows in which something happened. For tests only."""

import io
import json
import os
import pathlib
import tarfile
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv

ROOT = pathlib.Path(__file__).parents[2]
CORPUS = pathlib.Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data")) / "nab.tar.xz"
_DATA, _WINDOWS, _THRESHOLDS = "nab/data/", "nab/labels/combined_windows.json", "nab/config/thresholds.json"


@dataclass(frozen=True)
class Series:
    """One series.

    Args:
        name: such as ``realTweets/Twitter_volume_GOOG.csv``.
        rows: columns ``timestamp``, in seconds, and ``value``.
        windows: the first and the last row of each window in which something happened.
    """

    name: str
    rows: pa.Table
    windows: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Corpus:
    """The series by name, and of each detector that was published its score before normalisation in the standard profile."""

    series: tuple[Series, ...]
    published: dict[str, float]


def read_corpus(archive: pathlib.Path) -> Corpus:
    """Reads the archive, which takes about a second."""
    with tarfile.open(archive) as packed:
        texts = {file.name: packed.extractfile(file).read() for file in packed if file.isfile()}  # type: ignore[union-attr]
    windows = json.loads(texts[_WINDOWS])
    series = tuple(_series(name.removeprefix(_DATA), text, windows) for name, text in sorted(texts.items()) if name.startswith(_DATA))
    published = {name: profiles["standard"]["score"] for name, profiles in json.loads(texts[_THRESHOLDS]).items()}
    return Corpus(series, published)


def _series(name: str, text: bytes, windows: dict[str, list[list[str]]]) -> Series:
    rows = pyarrow.csv.read_csv(io.BytesIO(text))
    rows = rows.cast(pa.schema([("timestamp", pa.timestamp("s")), ("value", pa.float64())]))
    at = [str(time) for time in rows["timestamp"].to_numpy().astype("datetime64[s]")]
    limits = [tuple(at.index(limit[:19].replace(" ", "T")) for limit in window) for window in windows[name]]
    return Series(name, rows, tuple((first, last) for first, last in limits))
