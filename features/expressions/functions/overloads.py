"""Holds the functions and operators of the language, with types and costs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from features.expressions.functions.kernel import Kernel
from features.expressions.functions.types import Type


@dataclass(frozen=True)
class Overload:
    """Describes a function or operator for arguments of certain types.

    Args:
        name: name of the function or operator; ``-_`` and ``!_`` with one operand.
        arguments: types of the arguments, that of the target first.
        result: type of the result.
        kernel: the function that is run; it takes all arguments.
        cost: estimated CPU time per event in a batch of 1,000 where every text differs, in nanoseconds.
        style: operator, function (``f(x)``), method (``x.f()``) or either.
        prepare: makes the kernel from the last argument, which must be a constant string and is not passed to the kernel.
        prepared: what that last argument is: ``a pattern``.
    """

    name: str
    arguments: tuple[Type, ...]
    result: Type
    kernel: Kernel | None
    cost: int
    style: str = "operator"
    prepare: Callable[[str], Kernel] | None = None
    prepared: str = ""

    @property
    def signature(self) -> str:
        """Returns the signature as it is written: ``string.contains(string)``."""
        types = [type.value for type in self.arguments]
        if self.style == "operator":
            return f"{self.name[0]}{types[0]}" if len(types) == 1 else f"{types[0]} {self.name} {types[1]}"
        if self.style == "method":
            return f"{types[0]}.{self.name}({', '.join(types[1:])})"
        return f"{self.name}({', '.join(types)})"

    @property
    def is_method(self) -> bool:
        """Tells whether the name can be written after its first argument."""
        return self.style in ("method", "either")

    @property
    def is_function(self) -> bool:
        """Tells whether the name can be written before its arguments."""
        return self.style in ("function", "either")


class Overloads:
    """Holds functions and operators by name, in order of definition."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[Overload]] = {}

    def add(self, name: str, arguments: tuple[Type, ...], kernel: Any, cost: int, style: str = "operator") -> None:
        """Defines an overload whose kernel knows its result type."""
        self.put(Overload(name, arguments, kernel.type, kernel, cost, style))

    def put(self, overload: Overload) -> None:
        """Defines one."""
        self._by_name.setdefault(overload.name, []).append(overload)

    def named(self, name: str) -> list[Overload]:
        """Returns all overloads of one name; none when it is unknown."""
        return self._by_name.get(name, [])

    def find(self, name: str, arguments: tuple[Type, ...]) -> Overload | None:
        """Returns the overload for these types; None when there is none."""
        return next((overload for overload in self.named(name) if overload.arguments == arguments), None)

    def functions(self) -> list[str]:
        """Returns the names of all functions."""
        return [name for name, overloads in self._by_name.items() if overloads[0].style != "operator"]

    def all(self) -> list[Overload]:
        """Returns all overloads, in order of definition."""
        return [overload for overloads in self._by_name.values() for overload in overloads]
