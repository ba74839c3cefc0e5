"""Sends generated payments to the topic of events: first a history at once, then live ones at a steady rate from a thread."""

import itertools
import threading
import time

from deploy.demo.attacks import Attack, Attacks
from deploy.demo.payments import Payment, Town
from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of, open_producer

BAD_EVERY_SECONDS = 10.0
BAD_EVENTS = (
    b'{"payment_id": 7, "at": "yesterday", "customer_id": "c000001", "amount": 10.00}',
    b"not JSON at all",
    b'{"payment_id": 8, "customer_id": "c000001", "terminal_id": "t00001", "amount": 10.00}',
    b'{"payment_id": 9, "at": 4102444800000, "customer_id": "c000001", "terminal_id": "t00001", "device_id": "d", "amount": 1e400}',
)


class Feed:
    """Sends payments and remembers which of them belong to an attack.

    Args:
        settings: the settings, for broker and topics.
        rate: ordinary payments per second; attacks and bad events are sent in addition.
        seed: the seed of the town and its attacks.
    """

    def __init__(self, settings: Settings, rate: int, seed: int) -> None:
        self.rate = rate
        self.attacked: dict[str, Attack] = {}
        self.sent = 0
        self.bad_sent = 0
        self._town = Town(seed, customers=max(30 * rate, 100), terminals=max(5 * rate, 20), first_id=time.time_ns() // 1000)
        self.attacks = Attacks(self._town)
        self._topic = settings.topic("events")
        # A linger of 20 ms would show in the latency, and without one each payment would cost a request.
        self._producer = open_producer({**connection_of(settings), "linger.ms": 2, "queue.buffering.max.messages": 500_000, "log_level": 4})
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def send_history(self, days: float, count: int) -> int:
        """Sends `count` payments of the last `days`, and before them the last ones of customers who have not paid for a month.

        They are sent as fast as the broker or the log takes them. It gives how many were sent.
        """
        end_ms = int(time.time() * 1000)
        for payment in itertools.chain(self._town.long_ago(end_ms), self._town.history(end_ms, days, count, self.rate)):
            self._send(payment)
        self._producer.flush(60)
        return self.sent

    def start(self) -> None:
        """Starts to send live payments, whose time is that of the clock."""
        self._thread.start()

    def stop(self) -> None:
        """Stops sending and waits up to 10 s until the broker or the log has all payments."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._producer.flush(10)

    def _run(self) -> None:
        began = time.monotonic()
        done = 0
        while not self._stopping.is_set():
            now = time.monotonic()
            for payment, attack in self.attacks.due(int(time.time() * 1000)):
                self.attacked[str(payment.payment_id)] = attack
                self._send(payment)
            while done < (now - began) * self.rate:
                self._send(self._town.ordinary(int(time.time() * 1000)))
                done += 1
            if self.bad_sent < (now - began) // BAD_EVERY_SECONDS:
                self._producer.produce(self._topic, BAD_EVENTS[self.bad_sent % len(BAD_EVENTS)], "c000001")
                self.bad_sent += 1
            self._producer.poll(0)
            self._stopping.wait(min(0.002, 1 / self.rate))

    def _send(self, payment: Payment) -> None:
        while True:
            try:
                self._producer.produce(self._topic, payment.encode(), payment.customer_id)
                break
            except BufferError:
                self._producer.poll(0.05)
        self.sent += 1
        if self.sent % 1000 == 0:
            self._producer.poll(0)
