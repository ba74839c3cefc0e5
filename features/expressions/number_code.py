"""Programs over numbers, truths, and texts that are only compared with constants, as a table of steps that compiled loops run.

A step takes a nanosecond there. As a call of numpy it takes a microsecond, which a batch of few events pays as one of many does.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from features.expressions import number_steps as ops
from features.expressions.functions.column import Column
from features.expressions.functions.comparison import OneOf, same_texts
from features.expressions.functions.functions import unchanged
from features.expressions.functions.kernel import Kernel, Plain
from features.expressions.functions.logic import both, choose, either, present, provided
from features.expressions.functions.operators import different
from features.expressions.functions.types import Type
from features.expressions.program import Program
from foundation.number_arrays import Float64s, Int64s

_COMPARISONS: dict[Callable[..., Any], int] = {
    operator.lt: ops.LESS,
    operator.le: ops.LESS_EQUAL,
    operator.gt: ops.GREATER,
    operator.ge: ops.GREATER_EQUAL,
    operator.eq: ops.EQUAL,
    operator.ne: ops.DIFFERENT,
}
_ARITHMETIC: dict[Callable[..., Any], int] = {
    operator.add: ops.ADD,
    operator.sub: ops.SUBTRACT,
    operator.mul: ops.MULTIPLY,
    np.divide: ops.DIVIDE,
    operator.neg: ops.NEGATE,
    np.logical_not: ops.NOT,
}
_LOGIC: dict[Kernel, int] = {both: ops.BOTH, either: ops.EITHER, choose: ops.CHOOSE, present: ops.PRESENT}
_OF_TEXTS: dict[Kernel, int] = {same_texts: ops.EQUAL, different: ops.DIFFERENT}
NO_TEXTS: Mapping[str, int] = {}
_VALUES = frozenset({Type.DOUBLE, Type.BOOL})
_DOUBLE_AND_CONSTANT = {Type.DOUBLE, Type.INT}
"""Integers are not loaded: here they are constants, and compared as doubles."""
_LOADED = _VALUES | {Type.STRING}
_OPTIONS_MAX = 8
"""Of a list of constants; for more of them a table of steps would take longer than a search."""


class NumberCode(NamedTuple):
    """Holds a program whose values are doubles, and truths as 1 and 0; a text is the number of the constant that equals it.

    Args:
        loads: the names of the first registers.
        constants: the registers behind them.
        steps: [m, 4] an operation and the registers that it reads; each step fills the next register, and the last is the result.
        type: DOUBLE or BOOL.
        texts: places among `constants` of those that are texts, with the texts; their numbers are known to `packed`.
    """

    loads: tuple[str, ...]
    constants: Float64s
    steps: Int64s
    type: Type
    texts: tuple[tuple[int, str], ...] = ()

    @property
    def size(self) -> int:
        """How many registers there are."""
        return len(self.loads) + len(self.constants) + len(self.steps)


def number_code_of(program: Program, types: Mapping[str, Type]) -> NumberCode | None:
    """Returns the same program as a table; None where it computes with anything but doubles, truths and texts that are compared.

    Args:
        types: of the names that it loads, of which doubles, truths and texts can stand in a table; one that is not there cannot.
    """
    if any(types.get(name) not in _LOADED for _, name in program.loads):
        return None
    writer = _Writer(program, types)
    return writer.code() if all(writer.write(*step) for step in program.steps) else None


class _Writer:
    """Writes the table of one program."""

    def __init__(self, program: Program, types: Mapping[str, Type]) -> None:
        self._program = program
        self._names = [name for _, name in program.loads]
        self._values: list[float] = []
        self._texts: list[tuple[int, str]] = []
        self._steps: list[tuple[int, ...]] = []
        self._places: dict[int, int] = {}
        self._types: dict[int, Type] = {}
        self._is_constant: dict[int, bool] = {}
        for at, name in program.loads:
            self._put(at, types[name], is_constant=False)
        for at, column in program.constants:
            self._put(at, None if column.faults is not None else column.type, is_constant=True)
            self._note_constant(column)
        options = [option for kernel, _, _ in program.steps if isinstance(kernel, OneOf) for option in kernel.options]
        self._options = {option: len(self._names) + len(self._values) + at for at, option in enumerate(dict.fromkeys(options))}
        for option in self._options:
            self._note_constant(Column.constant(Type.STRING if isinstance(option, str) else Type.DOUBLE, option))
        self._first = len(self._names) + len(self._values)

    def _put(self, at: int, type: Type | None, is_constant: bool) -> None:
        self._places[at] = len(self._places)
        if type is not None:
            self._types[at], self._is_constant[at] = type, is_constant

    def _note_constant(self, column: Column) -> None:
        if column.type is Type.STRING:
            self._texts.append((len(self._values), column.texts.all[0]))
        self._values.append(0.0 if column.type is Type.STRING else float(column.values))

    def code(self) -> NumberCode | None:
        """Returns the table; None where the result is not that of the last step."""
        result = self._program.result
        if not self._steps or self._places[result] != self._first + len(self._steps) - 1 or self._types[result] not in _VALUES:
            return None
        steps, values = np.array(self._steps, np.int64), np.array(self._values, np.float64)
        return NumberCode(tuple(self._names), values, steps, self._types[result], tuple(self._texts))

    def write(self, kernel: Kernel, inputs: tuple[int, ...], at: int) -> bool:
        """Adds what `kernel` does with `inputs`; returns whether a table can have it."""
        if any(each not in self._types for each in inputs):
            return False
        types = {self._types[each] for each in inputs}
        if kernel is unchanged:
            self._places[at], self._types[at], self._is_constant[at] = self._places[inputs[0]], *types, False
            return True
        if isinstance(kernel, OneOf):
            return self._one_of(kernel, inputs[0], at)
        if kernel is provided:
            return self._provided(inputs, at)
        known, type = self._operation(kernel, inputs, types)
        if known is not None:
            read = [self._places[each] for each in inputs]
            self._fill(at, type, (known, *read, *[read[0]] * (3 - len(read))))
        return known is not None

    def _operation(self, kernel: Kernel, inputs: tuple[int, ...], types: set[Type]) -> tuple[int | None, Type]:
        """Returns the operation of a kernel over values of `types`, None where there is none, and the type of its result."""
        if isinstance(kernel, Plain) and types <= _VALUES:
            return (_COMPARISONS | _ARITHMETIC).get(kernel.function), kernel.type
        if isinstance(kernel, Plain) and types == _DOUBLE_AND_CONSTANT:
            return _COMPARISONS.get(kernel.function), kernel.type
        if kernel is present:
            return ops.PRESENT, Type.BOOL
        if kernel in _OF_TEXTS:
            return _OF_TEXTS[kernel] if any(self._is_constant[each] for each in inputs) else None, Type.BOOL
        if types <= _VALUES:
            return _LOGIC.get(kernel), self._types[inputs[-1]]
        return None, Type.BOOL

    def _one_of(self, kernel: OneOf, of: int, at: int) -> bool:
        type = self._types[of]
        if type not in (Type.DOUBLE, Type.STRING) or not 0 < len(kernel.options) <= _OPTIONS_MAX:
            return False
        value = self._places[of]
        for number, option in enumerate(kernel.options):
            before, place = self._places.get(at, 0), self._options[option]
            self._fill(at, Type.BOOL, (ops.EQUAL, value, place, place))
            if number:
                self._fill(at, Type.BOOL, (ops.EITHER, before, self._places[at], before))
        return True

    def _provided(self, inputs: tuple[int, ...], at: int) -> bool:
        value, type = self._places[inputs[0]], self._types[inputs[0]]
        for needed in inputs[1:]:
            self._fill(at, type, (ops.PROVIDED, value, self._places[needed], value))
            value = self._places[at]
        return True

    def _fill(self, at: int, type: Type, step: tuple[int, ...]) -> None:
        self._places[at], self._types[at], self._is_constant[at] = self._first + len(self._steps), type, False
        self._steps.append(step)


class Packed(NamedTuple):
    """Holds the codes of several programs one behind the other, as kernels take them.

    Args:
        load_starts, loads: [programs + 1] where the loads of each begin; the columns of a matrix of numbers that they are.
        constant_starts, constants: the same of constants.
        step_starts, steps: the same of steps.
        size: how many registers the largest needs.
    """

    load_starts: Int64s
    loads: Int64s
    constant_starts: Int64s
    constants: Float64s
    step_starts: Int64s
    steps: Int64s
    size: int


def packed(codes: Sequence[NumberCode | None], columns: Mapping[str, int], texts: Mapping[str, int] = NO_TEXTS) -> Packed:
    """Puts codes together; one that is None has no steps.

    Args:
        columns: by name, the column of the matrix of numbers that holds it.
        texts: the number of each text that the codes compare with; in columns of texts stands the number of each, or another one.
    """
    empty = NumberCode((), np.zeros(0), np.zeros((0, 4), np.int64), Type.DOUBLE)
    each = [code or empty for code in codes]
    return Packed(
        _starts([len(code.loads) for code in each]),
        np.array([columns[name] for code in each for name in code.loads], np.int64),
        _starts([len(code.constants) for code in each]),
        np.concatenate([np.zeros(0), *(_constants_of(code, texts) for code in each)]),
        _starts([len(code.steps) for code in each]),
        np.concatenate([np.zeros((0, 4), np.int64), *(code.steps for code in each)]),
        max((code.size for code in each), default=0),
    )


def _constants_of(code: NumberCode, texts: Mapping[str, int]) -> Float64s:
    constants = code.constants.copy()
    for place, text in code.texts:
        constants[place] = texts[text]
    return constants


def _starts(counts: Sequence[int]) -> Int64s:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
