"""All kinds of jobs. A new kind is a file beside this one and a line here."""

from pipeline.jobs.backtest_kind import BACKTEST
from pipeline.jobs.export_kind import EXPORT
from pipeline.jobs.job_kind import JobKind
from pipeline.jobs.redrive_kind import REDRIVE
from pipeline.jobs.train_kind import TRAIN
from pipeline.jobs.verdicts_kind import VERDICTS_OF_CASES

KINDS: dict[str, JobKind] = {kind.name: kind for kind in (EXPORT, BACKTEST, TRAIN, REDRIVE, VERDICTS_OF_CASES)}
