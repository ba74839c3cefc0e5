"""Writes what a caller tells of entities to the topic of facts."""

import secrets

import msgspec
from fastapi import Request

from api.auth.request_context import caller_of, note_subject
from api.definitions.in_force import InForce
from api.facts.told_facts import ToldFacts
from api.kafka.log import Clock, Log
from pipeline.engine.fact_record import FactRecord, check_declared, checked
from pipeline.score_job.facts import fact_key


class FactTeller:
    """Completes records of facts and writes them. Only the event loop may use it.

    Args:
        told: knows the newest records, and is told of each that was written.
        in_force: the release, whose schema has to declare each fact.
        log: its records are safe when their delivery is acknowledged.
        topic: that of facts.
        clock: seconds since the epoch.
    """

    def __init__(self, told: ToldFacts, in_force: InForce, log: Log, topic: str, clock: Clock) -> None:
        self._told = told
        self._in_force = in_force
        self._log = log
        self._topic = topic
        self._clock = clock
        self._newest_ms = 0

    async def tell(self, request: Request, fact: FactRecord, from_now: bool) -> FactRecord:
        """Writes a fact in the name of the request's caller, and gives the record once every replica has it.

        Args:
            from_now: whether it holds from now on, whatever `fact` says.

        Raises:
            Refusal: the schema in force does not declare it so, or its times do not fit.
            LogUnavailableError: the log does not take it.
        """
        now_ms = int(self._clock() * 1000)
        self._newest_ms = max(now_ms, self._newest_ms + 1)  # of two records in one ms the later one counts
        said = {"written": self._newest_ms, "by": caller_of(request).name, "record": f"fact:{secrets.token_hex(8)}"}
        record = checked(msgspec.structs.replace(fact, since=now_ms if from_now else fact.since, **said))
        check_declared(self._in_force.require()[0].schema, record)
        note_subject(request, _subject_of(record))
        key, value = fact_key(record.kind, record.entity, record.name).decode(), msgspec.json.encode(record)
        await self._log.deliver(self._topic, key, value)
        self._told.take([(key, value)])
        return record


def _subject_of(record: FactRecord) -> str:
    what = "ends" if record.op == "delete" else f"is {record.value}"
    return f"{record.kind} {record.entity}: {record.name} {what}{': ' + record.reason if record.reason else ''}"
