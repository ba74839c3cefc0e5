"""Uploaded definitions are tried before anything of them is stored; where that is done, its implementations say."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping

from api.trials.change import UNTRIED, Changes
from api.trials.trial import Trial, Verdict
from foundation.content_hash import content_hash
from foundation.place import refusal_of
from pipeline.control.compiling import compiling
from pipeline.engine.definitions.release import Release
from pipeline.trial.river_cost import RiverCost
from pipeline.trial.rule_tests import TestedRule


class Trials(ABC):
    """Tries definitions, one trial after the other."""

    @abstractmethod
    def prepare(self) -> None:
        """Begins what makes the first trial take no longer than the others; does not wait for it."""

    @abstractmethod
    def verdict_on(self, trial: Trial) -> Verdict:
        """Runs a trial and blocks until it has ended, whatever is tried."""

    @abstractmethod
    def close(self) -> None:
        """Ends what tries definitions; a trial that is running is refused."""

    def compile_change(self, current: Release | None, current_texts: Mapping[str, str], texts: dict[str, str], changes: Changes) -> Release:
        """Tries a change as `api.trials.change.compile_change` does and, if it passes, compiles the release in this process. Blocks.

        A change of parts that are `UNTRIED` does not wait for a trial: a promotion has to be quick, and a rollback even more so.

        Args:
            current_texts: the texts of the release in force.

        Raises:
            Refusal: as for `compile_change`; or the definitions broke what tried them.
            Problem: 503, they cannot be tried now.
        """
        if not changes or not changes.keys() <= UNTRIED:
            self._found(Trial(current.id if current else 0, dict(current_texts) if current else {}, texts, dict(changes)))
        parts = {part: content_hash(text) for part, text in texts.items()}
        return compiling(current.id + 1 if current else 1, parts, lambda: texts).result()

    def test_rule(self, id: str, texts: Mapping[str, str]) -> TestedRule:
        """Runs `pipeline.trial.rule_tests.run_tests_of`. Blocks.

        Raises:
            Refusal: as for `run_tests_of`; or the tests broke what ran them.
            Problem: 503, they cannot be run now.
        """
        found = self._found(Trial(0, {}, dict(texts), {}, id)).tested
        assert found is not None, "a trial of a rule's tests says what they gave"
        return found

    def measure_models(self, texts: Mapping[str, str], names: Collection[str]) -> dict[str, RiverCost]:
        """Runs `pipeline.trial.river_models.costs_of`. Blocks.

        Raises:
            Refusal: the models broke what measured them.
            Problem: 503, they cannot be measured now.
        """
        return self._found(Trial(0, {}, dict(texts), {}, measured=list(names))).costs

    def _found(self, trial: Trial) -> Verdict:
        verdict = self.verdict_on(trial)
        if verdict.refusal is not None:
            raise refusal_of(verdict.refusal)
        return verdict
