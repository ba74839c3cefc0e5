"""Finds the order in which features are computed from each other."""

from collections.abc import Mapping, Sequence


def in_order(reads: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the names of `reads`, each after those of them that it reads.

    Raises:
        Cycle: some names read each other in a cycle.
    """
    order: dict[str, None] = {}
    for name in reads:
        _visit(name, reads, order, {})
    return list(order)


class Cycle(ValueError):  # noqa: N818 - it becomes a refusal
    """Names read each other in a cycle; the first stands again at the end."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.names = tuple(names)


def behind(names: Sequence[str], reads: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns `names` and all that they read, over any number of steps; `names` first, each once."""
    found = dict.fromkeys(names)
    waiting = list(found)
    while waiting:
        fresh = [name for name in reads.get(waiting.pop(0), ()) if name not in found]
        found |= dict.fromkeys(fresh)
        waiting += fresh
    return list(found)


def _visit(name: str, reads: Mapping[str, Sequence[str]], order: dict[str, None], open_: dict[str, None]) -> None:
    """Walks with its own stack, because chains may be longer than Python can recurse."""
    stack = [(name, iter(reads[name]))] if name not in order else []
    open_[name] = None
    while stack:
        current, rest = stack[-1]
        below = next((other for other in rest if other in reads and other not in order), None)
        if below is None:
            order[current] = None
            del open_[current]
            stack.pop()
        elif below in open_:
            names = list(open_)
            raise Cycle([*names[names.index(below) :], below])
        else:
            open_[below] = None
            stack.append((below, iter(reads[below])))
