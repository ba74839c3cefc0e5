"""Callers of a solo system whose processes are killed. They send until they are answered, and know what was taken. For tests only."""

import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Mapping, Sequence

Json = dict[str, object]
SENDERS = 4


class Callers:
    """Threads that send events, corrections, retractions, repeats and labels, and one that changes releases and lists.

    Each call is made again until it is acknowledged, so that most of them reach the system twice where it was killed.

    Args:
        port: of the API.
        token: what opens it.
        texts: definitions that the changing thread puts in force in turn.

    Attributes:
        acknowledged: ids of the events that were taken, also those that were corrected or retracted later.
        labelled: ids of the events whose labels were taken.
        sent: how many calls of each kind were acknowledged.
    """

    def __init__(self, port: int, token: str, texts: Sequence[Mapping[str, str]]) -> None:
        self.acknowledged: set[str] = set()
        self.labelled: set[str] = set()
        self.sent: dict[str, int] = {}
        self._port = port
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._begun_ms = int(time.time() * 1000)
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(random.Random(number),)) for number in range(SENDERS)]
        self._threads.append(threading.Thread(target=self._change, args=(texts,)))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends all threads; a call that is not acknowledged by then may have been taken."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _send(self, draw: random.Random) -> None:
        own: list[Json] = []
        while not self._stopping.is_set():
            kind = draw.choices(["add", "label", "correct", "repeat", "retract"], [80, 8, 6, 4, 2])[0] if own else "add"
            event = self._new(draw) if kind == "add" else draw.choice(own[-40:])
            changed = event | {"op": kind, "amount": draw.randrange(100, 90_000) / 100} if kind in ("correct", "retract") else event
            if kind == "add":
                path, body = draw.choice(["/v1/events", "/v1/decisions?deadline_ms=9000"]), event
            elif kind == "label":
                path, body = "/v1/labels", {"event_id": event["payment_id"], "user": event["customer_id"], "label": draw.randrange(2)}
            else:
                path, body = "/v1/events", changed
            if not self._until_taken("POST", path, body):
                return
            self.sent[kind] = self.sent.get(kind, 0) + 1
            if kind == "label":
                self.labelled.add(str(event["payment_id"]))
            elif kind == "add":
                own.append(event)
                self.acknowledged.add(str(event["payment_id"]))

    def _new(self, draw: random.Random) -> Json:
        number = next(self._numbers)
        late_ms = draw.randrange(500_000) if draw.random() < 0.05 else 0
        event: Json = {
            "payment_id": self._begun_ms + number,
            "at": self._begun_ms + number - late_ms,
            "customer_id": f"c{draw.randrange(30)}",
        }
        event |= {"terminal_id": f"t{draw.randrange(9)}", "device_id": f"d{draw.randrange(4)}", "amount": draw.randrange(100, 90_000) / 100}
        return event | {"currency": "EUR", "merchant_category": "books"}

    def _change(self, texts: Sequence[Mapping[str, str]]) -> None:
        for number in itertools.count():
            if self._stopping.wait(1.0):
                return
            edit = {"add" if number % 2 else "remove": [f"d{number // 2 % 4}"], "reason": "a test"}
            if not self._until_taken("POST", "/v1/lists/watched:edit", edit) or not self._until_taken(
                "POST", "/v1/releases", texts[number % 2]
            ):
                return
            self.sent["release"] = number + 1

    def _until_taken(self, method: str, path: str, body: object) -> bool:
        """Makes the call until it is acknowledged; False when it was not before the end."""
        while not self._is_taken(method, path, json.dumps(body)):
            if self._stopping.wait(0.05):
                return False
        return True

    def _is_taken(self, method: str, path: str, body: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request(method, path, body, self._headers)
            answer = connection.getresponse()
            said = answer.read()
            if not path.startswith("/v1/decisions"):
                return answer.status in (200, 201, 202)
            return answer.status == 200 and "degraded" not in json.loads(said)["flags"]
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
