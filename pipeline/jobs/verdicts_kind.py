"""The kind of job ``verdicts`` gives one verdict on many cases, with a result for each of them."""

from typing import Annotated

import msgspec

from foundation.refusal import Refusal
from pipeline.jobs.job_kind import AWAITED, JobContext, JobKind, JobResult
from stores.casework.verdicts import VerdictWord

FILE = "verdicts.jsonl"
JSON_LINES = "application/jsonl"
CASES_MAX = 10_000


class VerdictsParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which verdict is given on all events of which cases.

    Args:
        cases: their ids.
        verdict, reason, inputs: as for a verdict on a single case.
        close: whether each case is closed with it.
        text: what is said with it.
        by, seed, at_ms, hidden: who gives it and when, what its ids are made of, and inboxes whose cases they may not see; what a caller
            says there is not read.
    """

    cases: Annotated[tuple[str, ...], msgspec.Meta(max_length=CASES_MAX)] = ()
    verdict: VerdictWord = "unsure"
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""
    inputs: Annotated[dict[str, str | float | bool], msgspec.Meta(max_length=50)] = {}
    close: bool = False
    text: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    by: str = ""
    seed: str = ""
    at_ms: int = 0
    hidden: tuple[str, ...] = ()


def check(given: VerdictsParameters) -> VerdictsParameters:
    """`given` with each case once.

    Raises:
        Refusal: it names no case.
    """
    if not given.cases:
        raise Refusal("no cases", where="cases", expected=f"1 to {CASES_MAX:,} ids of cases", got="none")
    return msgspec.structs.replace(given, cases=tuple(dict.fromkeys(given.cases)))


def run(parameters: VerdictsParameters, context: JobContext) -> JobResult:
    """Gives the verdicts one after the other. Run again after a kill, it gives none twice, since the ids are the same."""
    import contextlib

    from pipeline.alerting.many_verdicts import give_many
    from stores.relational.database import Database
    from stores.relational.place import place_of

    with contextlib.closing(Database(place_of(context.settings), owner=False)) as database:
        given, refused = give_many(database, parameters, context.folder / FILE, context.progress)
    return JobResult({"given": given, "refused": refused}, FILE)


VERDICTS_OF_CASES = JobKind(
    name="verdicts",
    path="cases:verdicts",
    summary="Gives one verdict on many cases",
    roles="analyst approver",
    parameters=VerdictsParameters,
    check=check,
    run=run,
    unit="cases",
    media_type=JSON_LINES,
    niceness=AWAITED,
)
