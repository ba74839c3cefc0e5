"""A spool keeps batches on disk and reads single rows back, so that memory holds only the rows that are read."""

import pathlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray


class Spool:
    """Keeps batches in Arrow files, one file for each schema. All batches are written first, and read after `complete`.

    Args:
        folder: holds the files; the caller removes them.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.schemas: list[pa.Schema] = []
        self._folder = folder
        self._writers: list[pa.RecordBatchFileWriter] = []
        self._written: list[int] = []
        self._readers: list[pa.RecordBatchFileReader] = []

    def put(self, batch: pa.RecordBatch) -> tuple[int, int]:
        """Writes a batch, and returns the number of its file and its number in that file, both from 0."""
        if batch.schema not in self.schemas:
            self.schemas.append(batch.schema)
            self._writers.append(pyarrow.ipc.new_file(self._path(len(self._writers)), batch.schema))
            self._written.append(0)
        file = self.schemas.index(batch.schema)
        self._writers[file].write_batch(batch)
        self._written[file] += 1
        return file, self._written[file] - 1

    def complete(self) -> None:
        """Ends the writing and opens the files for reading."""
        for number, writer in enumerate(self._writers):
            writer.close()
            self._readers.append(pyarrow.ipc.open_file(pa.memory_map(str(self._path(number)))))

    def take(self, files: NDArray[np.int32], batches: NDArray[np.int32], rows: NDArray[np.int32], names: Sequence[str]) -> pa.Table:
        """Reads the rows at these places, in this order; a column of `names` is null where its file lacks it, and absent if all lack it."""
        by_batch = np.lexsort((batches, files))
        change = (np.diff(files[by_batch]) != 0) | (np.diff(batches[by_batch]) != 0)
        parts = []
        for own in np.split(by_batch, np.flatnonzero(change) + 1):
            batch = self._readers[files[own[0]]].get_batch(int(batches[own[0]]))
            parts.append(pa.Table.from_batches([batch.select([name for name in names if name in batch.schema.names])]).take(rows[own]))
        back = np.empty(len(by_batch), np.int64)
        back[by_batch] = np.arange(len(by_batch))
        return pa.concat_tables(parts, promote_options="default").take(pa.array(back))

    def _path(self, number: int) -> pathlib.Path:
        return self._folder / f"{number}.arrow"
