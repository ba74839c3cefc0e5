"""The engine decides in the order of this list. A new capability is a step here or a part of one, never a branch inside another."""

from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.feature_step import FeatureStep
from pipeline.engine.steps.installed_snapshots import InstalledSnapshots
from pipeline.engine.steps.model_step import ModelStep
from pipeline.engine.steps.policy_step import PolicyStep
from pipeline.engine.steps.record_step import RecordStep
from pipeline.engine.steps.rule_step import RuleStep
from pipeline.engine.steps.step import Step
from pipeline.engine.steps.threshold_step import LessonStep, ThresholdStep


def steps_with(snapshots: InstalledSnapshots) -> tuple[Step, ...]:
    """Returns the steps in their order; models and thresholds use `snapshots`."""
    return (
        FeatureStep(),
        ModelStep(snapshots),
        ThresholdStep(snapshots),
        RuleStep(),
        PolicyStep(),
        LessonStep(),
        RecordStep(),
    )


def costs_ns(release: Release) -> dict[str, float]:
    """Returns by name what each step costs an event under `release`, as the steps estimate it, in ns."""
    return {step.name: step.cost_ns(release) for step in steps_with(InstalledSnapshots())}
