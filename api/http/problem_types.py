"""The types of problems that the API answers: RFC 9457 wants a URI for each, by which a program tells them apart.

The URIs are names and lead nowhere: an API behind a proxy does not know its own address, and a relative one would mean another thing on
each route. The page ``docs/api-errors.md`` says of each when it comes and what its caller does.
"""

from typing import NamedTuple

PREFIX = "urn:weir:problem:"


class ProblemType(NamedTuple):
    """One type of problem.

    Args:
        name: the end of its URI, which never changes.
        status: of HTTP, by which it is chosen where nobody names it.
        title: what it is, in a few words, the same for all problems of the type.
    """

    name: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """The member ``type`` of a problem."""
        return PREFIX + self.name


NEEDS_APPROVER = ProblemType("needs-approver", 403, "Another person has to put this in force")
AMBIGUOUS_EVENT = ProblemType("ambiguous-event", 409, "Several events have this id")
KEY_REUSED = ProblemType("key-reused", 422, "Another request had this key")
JOB_UNFINISHED = ProblemType("job-unfinished", 409, "The job has not ended yet")
JOB_ENDED = ProblemType("job-ended", 409, "The job has ended")
JOB_FAILED = ProblemType("job-failed", 500, "The job failed")
"""This one is no answer: it is the member ``problem`` of a job that failed."""
RESULT_GONE = ProblemType("result-gone", 410, "The result of the job is gone")
TOO_MANY_JOBS = ProblemType("too-many-jobs", 429, "Too many jobs are queued or running")
NO_RELEASE = ProblemType("no-release", 503, "No release is in force")
RECORD_NOT_TAKEN = ProblemType("record-not-taken", 503, "The broker did not take the record")
STORE_AWAY = ProblemType("store-away", 503, "A store does not answer")
AUDIT_LOG_AWAY = ProblemType("audit-log-away", 503, "The audit log takes no entry, and nothing was changed")
VERIFIER_AWAY = ProblemType("caller-unverified", 503, "The caller cannot be verified now")

_OF_STATUS = (
    ProblemType("malformed-request", 400, "The request is malformed"),
    ProblemType("not-authenticated", 401, "The request has no valid token"),
    ProblemType("not-allowed", 403, "The caller may not do this"),
    ProblemType("not-found", 404, "There is nothing here"),
    ProblemType("method-not-allowed", 405, "The path does not take this method"),
    ProblemType("too-slow", 408, "The request did not arrive in time"),
    ProblemType("conflict", 409, "The request conflicts with what is there"),
    ProblemType("gone", 410, "It was there and is gone"),
    ProblemType("version-conflict", 412, "Somebody else made a change meanwhile"),
    ProblemType("too-large", 413, "The body is too large"),
    ProblemType("wrong-encoding", 415, "The body is encoded in a way that the route does not take"),
    ProblemType("range-behind-end", 416, "The range begins behind the end"),
    ProblemType("refused-input", 422, "The input is refused"),
    ProblemType("too-many", 429, "Too many callers wait"),
    ProblemType("head-too-large", 431, "The head of the request is too large"),
    ProblemType("fault", 500, "The API failed"),
    ProblemType("not-now", 503, "The API cannot answer this now"),
)
_OF_JOBS = (KEY_REUSED, JOB_UNFINISHED, JOB_ENDED, JOB_FAILED, RESULT_GONE, TOO_MANY_JOBS)
TYPES = (
    *_OF_STATUS, NEEDS_APPROVER, AMBIGUOUS_EVENT, *_OF_JOBS, NO_RELEASE, RECORD_NOT_TAKEN, STORE_AWAY, AUDIT_LOG_AWAY, VERIFIER_AWAY
)  # fmt: skip
"""All types, each with a name of its own."""
_BY_STATUS = {each.status: each for each in _OF_STATUS}


def type_of(status: int) -> ProblemType:
    """The general type of problems with `status`; one that has none counts as 400 below 500, and else as 500."""
    return _BY_STATUS.get(status) or _BY_STATUS[400 if status < 500 else 500]
