"""The three stages in one process, under the name that tests know."""

from pipeline.flink.dict_state import DictState
from pipeline.trial.one_process import ControlRecord
from pipeline.trial.one_process import OneProcess as Imitation

__all__ = ["ControlRecord", "DictState", "Imitation"]
