"""A compiled expression: a sequence of steps, each a kernel over the results of earlier ones.

While it is built, equal steps are merged, and steps over constants alone are run at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.expressions.functions.column import Column, Fault, Value
from features.expressions.functions.kernel import Kernel
from features.expressions.functions.types import Type
from features.expressions.syntax.bounds import COST_MAX, WORK_MAX
from foundation.place import Mark, Source


@dataclass(frozen=True)
class Program:
    """Holds steps in an order in which each comes after those that it reads.

    Args:
        constants: registers that are filled before the start.
        loads: names whose columns are put into registers.
        steps: for each step its kernel, the registers it reads, and the one it fills.
        result: the register that holds the answer.
    """

    constants: tuple[tuple[int, Column], ...]
    loads: tuple[tuple[int, str], ...]
    steps: tuple[tuple[Kernel, tuple[int, ...], int], ...]
    result: int
    size: int

    def run(self, columns: Mapping[str, Column]) -> Column:
        """Computes the result over `columns`; a constant may come back as one value for all."""
        registers: list[Column] = [_NOTHING] * self.size
        for at, column in self.constants:
            registers[at] = column
        for at, name in self.loads:
            registers[at] = columns[name]
        with np.errstate(all="ignore"):  # kernels find overflows and what is no number
            for kernel, inputs, at in self.steps:
                registers[at] = kernel(*[registers[place] for place in inputs])
        return registers[self.result]


_REMEDY = "shorten its lists or split it"
_NOTHING = Column.constant(Type.BOOL, Fault.MISSING)


class Builder:
    """Collects the steps of one expression. A step is known by its number.

    Args:
        source: the expression, for the refusal of one that costs too much.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._kernels: list[tuple[Kernel, tuple[int, ...]] | None] = []
        self._constants: dict[int, tuple[Type, Value | Fault]] = {}
        self._columns: dict[int, Column] = {}
        self._loads: dict[int, str] = {}
        self._known: dict[object, int] = {}
        self.worked = 0
        self.cost = 0

    def load(self, name: str) -> int:
        """Returns the step that reads an input."""
        step = self._step(("load", name))
        self._loads[step] = name
        return step

    def constant(self, type: Type, value: Value | Fault) -> int:
        """Returns the step that is one value, or fault, for every event."""
        step = self._step((type, repr(value)))  # keyed by its text: 0.0 differs from -0.0, and nan equals nan
        self._constants.setdefault(step, (type, value))
        return step

    def apply(self, kernel: Kernel, *inputs: int, cost: int, at: Mark) -> int:
        """Returns the step that runs `kernel` over earlier steps.

        Raises:
            ExpressionRefusal: the whole expression costs too much.
        """
        self.work(at)
        if all(step in self._constants for step in inputs):
            with np.errstate(all="ignore"):
                column = kernel(*[self._column(step) for step in inputs])
            return self.constant(column.type, column.spread(1).item(0))
        step = self._step((kernel, inputs))
        if self._kernels[step] is None:
            self._kernels[step] = (kernel, inputs)
            self.cost += cost
        if self.cost > COST_MAX:
            self._source.refuse(at, "expression too costly", f"a cost of at most {COST_MAX}", "more", _REMEDY)
        return step

    def work(self, at: Mark) -> None:
        """Counts one value or operation that compiling looks at.

        Raises:
            ExpressionRefusal: the bound `WORK_MAX` is exceeded.
        """
        self.worked += 1
        if self.worked > WORK_MAX:
            self._source.refuse(at, "expression too large", f"at most {WORK_MAX} values and operations", "more", _REMEDY)

    def value_of(self, step: int) -> Value | Fault | None:
        """Returns the value of a constant step; None when it depends on the event."""
        constant = self._constants.get(step)
        return None if constant is None else constant[1]

    def finish(self, result: int) -> Program:
        """Returns the program that computes `result`, without unneeded steps."""
        needed, waiting = {result}, [result]
        while waiting:
            kernel = self._kernels[waiting.pop()]
            fresh = set(kernel[1]) - needed if kernel else set()
            needed |= fresh
            waiting.extend(fresh)
        places = {step: at for at, step in enumerate(sorted(needed))}
        steps = [(self._kernels[step], at) for step, at in places.items()]
        return Program(
            constants=tuple((at, self._column(step)) for step, at in places.items() if step in self._constants),
            loads=tuple((at, self._loads[step]) for step, at in places.items() if step in self._loads),
            steps=tuple((step[0], tuple(places[input] for input in step[1]), at) for step, at in steps if step),
            result=places[result],
            size=len(places),
        )

    def _column(self, step: int) -> Column:
        if step not in self._columns:
            self._columns[step] = Column.constant(*self._constants[step])
        return self._columns[step]

    def _step(self, key: object) -> int:
        step = self._known.setdefault(key, len(self._kernels))
        if step == len(self._kernels):
            self._kernels.append(None)
        return step
