"""What whoever is on call does about each fault: in short what docs/operating.md says at length."""

from collections.abc import Mapping

import msgspec


class Advice(msgspec.Struct, frozen=True):
    """What a part is for, what suffers while it is away, and what to do, the first thing first.

    Args:
        name: of the part, in words.
        suffers: what callers and people notice.
        steps: what to do, one after the other.
    """

    name: str
    suffers: str
    steps: tuple[str, ...]


PARTS: Mapping[str, Advice] = {
    "broker": Advice(
        "Broker, or the log of a solo system",
        "Decisions are the fallback, and callers are asked to send their events again.",
        ("Is the disk full? Make room outside of the system's folder first.", "Read logs/broker.log.",
         "weir up starts it again by itself; if it does not come back, start weir up anew."),
    ),
    "score_job": Advice(
        "Score job",
        "Callers wait until their deadline and get the fallback.",
        ("It starts again by itself after a kill: wait a minute.", "Read logs/task-manager-1.log, and logs/job-manager.log.",
         "If no score job was submitted, logs/submission.log says why."),
    ),
    "store": Advice(
        "Store of decisions",
        "Decisions are made all the same, but cannot be read. Nothing is lost.",
        ("Look at Cassandra, or at the file decisions.db and the free space of its disk.",),
    ),
    "release": Advice(
        "Release in force",
        "Events are decided by other definitions than those in force, or not at all.",
        ("If nothing was pushed: weir push DIR.",
         "If another release decides: end the process of task-manager-1 by its id, and the score job starts again.",
         "If the release itself is at fault, put an earlier one in force: POST /v1/releases/{id}:activate."),
    ),
    "tokens": Advice(
        "Tokens",
        "Callers that were proved within the last hour go on; others are refused.",
        ("Look at weir.db, or at PostgreSQL and logs/postgresql.log.",),
    ),
    "metrics": Advice(
        "Metrics of events",
        "Live shows nothing new. Decisions are not touched.",
        ("After an upgrade a release may not compile here: mend the definitions that the text names, and push them.",
         "With Druid: logs/druid.log. It is started again by itself."),
    ),
    "registry": Advice(
        "Registry of definitions",
        "Definitions cannot be changed. Decisions are not touched.",
        ("Look at weir.db and the room on its disk, or at PostgreSQL.",),
    ),
    "audit": Advice(
        "Audit log",
        "No change runs, for it could not be written down.",
        ("Look at weir.db and the room on its disk, or at PostgreSQL.",),
    ),
    "taken_back": Advice(
        "Releases that were not taken back",
        "Events raised under the newest definitions, and the ones before are in force again.",
        ("Count the dead letters below, and read why.", "Mend the definitions and push them; the same ones are taken back again."),
    ),
    "entries": Advice(
        "Entries of lists",
        "Lists cannot be read or edited. Decisions do not wait for it.",
        ("After a start they are still read: wait a minute.", "If it lasts, the broker does not answer: see there."),
    ),
}  # fmt: skip
"""By the names of the parts of ``/ready``."""
