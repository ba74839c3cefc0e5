"""Offers HDFS as an Arrow file system, spoken from Python, with each call bounded in time."""

import io
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.fs
from hdfs_native import Client, FileStatus, WriteOptions

Answer = TypeVar("Answer")


class HdfsHandler(pyarrow.fs.FileSystemHandler):  # type: ignore[misc]
    """Implements the calls that the archive makes, for `pyarrow.fs.PyFileSystem`. Safe for threads.

    The HDFS client itself waits for ever for a server that hangs or is gone, and fsspec's listing reports an empty folder if a server does
    not answer. Here every call ends in time, with `OSError` if there was no answer.

    Args:
        url: the NameNode's URL, such as ``hdfs://127.0.0.1:8020``.
        timeout_seconds: the limit for one call.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._client = Client(url)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HdfsHandler) and other._url == self._url

    def __hash__(self) -> int:
        return hash(self._url)

    def get_type_name(self) -> str:
        return "hdfs"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: Sequence[str]) -> list[pyarrow.fs.FileInfo]:
        return [self._info(path) for path in paths]

    def get_file_info_selector(self, selector: pyarrow.fs.FileSelector) -> list[pyarrow.fs.FileInfo]:
        try:
            found = self._call(lambda: list(self._client.list_status(selector.base_dir, selector.recursive)))
        except FileNotFoundError:
            if selector.allow_not_found:
                return []
            raise
        return [_info_of(status) for status in found]

    def create_dir(self, path: str, recursive: bool) -> None:
        self._call(lambda: self._client.mkdirs(path, create_parent=recursive))

    def delete_file(self, path: str) -> None:
        if not self._call(lambda: self._client.delete(path)):
            raise FileNotFoundError(path)

    def move(self, source: str, target: str) -> None:
        self._call(lambda: self._client.rename(source, target))

    def open_input_file(self, path: str) -> pa.PythonFile:
        return pa.PythonFile(_Reader(self._call(lambda: self._client.read(path)), self._call), mode="r")

    def open_input_stream(self, path: str) -> pa.PythonFile:
        return self.open_input_file(path)

    def open_output_stream(self, path: str, metadata: object) -> pa.PythonFile:
        return pa.PythonFile(_Writer(self._call(lambda: self._client.create(path, WriteOptions(overwrite=True))), self._call), mode="w")

    def open_append_stream(self, path: str, metadata: object) -> pa.PythonFile:
        raise NotImplementedError

    def copy_file(self, source: str, target: str) -> None:
        raise NotImplementedError

    def delete_dir(self, path: str) -> None:
        raise NotImplementedError

    def delete_dir_contents(self, path: str, missing_dir_ok: bool = False) -> None:
        raise NotImplementedError

    def delete_root_dir_contents(self) -> None:
        raise NotImplementedError

    def _info(self, path: str) -> pyarrow.fs.FileInfo:
        try:
            return _info_of(self._call(lambda: self._client.get_file_info(path)))
        except FileNotFoundError:
            return pyarrow.fs.FileInfo(path, pyarrow.fs.FileType.NotFound)

    def _call(self, call: Callable[[], Answer]) -> Answer:
        return _within(self._timeout_seconds, call)


class _Reader(io.RawIOBase):
    """Reads a file in pieces, each within the time limit."""

    def __init__(self, file: Any, call: Callable[[Callable[[], Any]], Any]) -> None:
        self._file = file
        self._call = call

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        return int(self._file.tell())

    def read(self, size: int = -1) -> bytes:
        return bytes(self._call(lambda: self._file.read(size)))


class _Writer(io.RawIOBase):
    """Writes a file in pieces, each within the time limit; the file exists once `close` has returned."""

    def __init__(self, file: Any, call: Callable[[Callable[[], Any]], Any]) -> None:
        self._file = file
        self._call = call

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        data = bytes(piece)
        self._call(lambda: self._file.write(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._call(self._file.close)
        super().close()


def _info_of(status: FileStatus) -> pyarrow.fs.FileInfo:
    if status.isdir:
        return pyarrow.fs.FileInfo(status.path, pyarrow.fs.FileType.Directory)
    return pyarrow.fs.FileInfo(status.path, pyarrow.fs.FileType.File, size=status.length)


def _within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """Returns what `call` returns. It runs in a thread of its own, which is abandoned if it takes longer than `seconds`.

    Raises:
        OSError: the call failed, or took longer.
    """
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as error:  # raised again in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        [error] = errors
        if isinstance(error, OSError):
            raise error
        raise OSError(str(error)) from error
    if not answers:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return answers[0]
