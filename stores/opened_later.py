"""Opens something at a server that may be down: at once, or in a thread that retries until the server answers."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from foundation.refusal import Refusal
from stores.decisions import StoreUnavailableError

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0
Value = TypeVar("Value")


class NoAnswerError(Refusal):
    """The server does not answer now, but may answer later."""


class OpenedLater(Generic[Value]):
    """Holds what `open` returns. No call waits for the server: until it is open, each is refused at once. Safe for threads.

    Args:
        open: connects to the server; runs in one thread at a time.
        shut: closes what `open` returned.
        patient: whether `open` is retried once a second until the server answers.

    Raises:
        Refusal: `open` refuses; a patient one does not raise for `NoAnswerError`.
    """

    def __init__(self, open: Callable[[], Value], shut: Callable[[Value], None], patient: bool) -> None:
        self._open = open
        self._shut = shut
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._value: Value | None = None
        self._why = ""
        try:
            self._value = open()
        except NoAnswerError as refusal:
            if not patient:
                raise
            self._refused(str(refusal))
            threading.Thread(target=self._go_on_trying, name="open-later", daemon=True).start()

    def get(self) -> Value:
        """Returns what was opened.

        Raises:
            StoreUnavailableError: it is not open yet, or is closed already.
        """
        value = self._value
        if value is None:
            raise StoreUnavailableError(self._why)
        return value

    def close(self) -> None:
        """Ends the retries and closes what was opened."""
        self._ended.set()
        with self._lock:
            value, self._value, self._why = self._value, None, "the store was closed"
        if value is not None:
            self._shut(value)

    def _go_on_trying(self) -> None:
        while not self._ended.wait(RECONNECT_SECONDS):
            try:
                value = self._open()
            except Exception as error:  # retried too: a server of another version may be upgraded, while ending here would be for good
                self._refused(str(error) or type(error).__name__)
            else:
                self._take(value)
                return

    def _refused(self, why: str) -> None:
        with self._lock:
            if why != self._why and not self._ended.is_set():
                log.warning("cannot open the store, trying again: %s", why)
                self._why = why

    def _take(self, value: Value) -> None:
        with self._lock:
            ended = self._ended.is_set()
            self._value = None if ended else value
        if ended:
            self._shut(value)
