"""A plain matcher of sequences, written from their meaning: it keeps every partial match, forgets none, and is slow. It is the truth.

`docs/patterns-sequences.md` says in words what this says in code.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

Values = Mapping[str, float]


@dataclass(frozen=True)
class Seen:
    """One event of a key: which steps' own conditions it satisfies, by name; what it holds; whether `until` and `when` hold."""

    time: int
    id: int
    order: int = 0
    steps: frozenset[str] = frozenset()
    until: bool = False
    gate: bool = True
    values: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """The events that one step took; None in `events` stands for nothing: a step that was passed over has no run."""

    step: int
    events: tuple[Seen, ...]


Reads = Callable[[Seen, Mapping[str, tuple[Seen, ...]]], bool]


@dataclass(frozen=True)
class PlainStep:
    name: str
    least: int = 1
    most: int | None = 1
    gap: int | None = None
    optional: bool = False
    absent: bool = False
    reads: Reads | None = None


@dataclass(frozen=True)
class PlainSequence:
    within: int
    steps: tuple[PlainStep, ...]
    ordered: bool = True
    strict: bool = False
    each: bool = False


@dataclass(frozen=True)
class Partial:
    """Runs of steps, the newest last. `place` is that of the last event among the key's events; `blocked` names absent steps that came
    since; `used` names the steps that began a run from it."""

    start: int
    runs: tuple[Run, ...]
    place: int
    blocked: frozenset[int] = frozenset()
    used: frozenset[int] = frozenset()

    @property
    def last(self) -> Seen:
        return self.runs[-1].events[-1]

    def taken(self, steps: tuple[PlainStep, ...]) -> dict[str, tuple[Seen, ...]]:
        return {steps[run.step].name: run.events for run in self.runs}

    def newness(self) -> tuple[object, ...]:
        """Of two partial matches the greater one is taken: it starts later, and looked at from its end its events are newer."""
        ends = [(event.time, event.order, event.id) for run in reversed(self.runs) for event in reversed(run.events)]
        return (self.start, ends)


@dataclass(frozen=True)
class Found:
    """A match: the event that closed it, and by step's name the events that it took."""

    event: Seen
    runs: Mapping[str, tuple[Seen, ...]]


@dataclass(frozen=True)
class Due:
    """A trailing absence that came true at `deadline`, since nothing came until then (inclusive)."""

    deadline: int
    runs: Mapping[str, tuple[Seen, ...]]


class Oracle:
    """Takes in the events of one key in their order of arrival."""

    def __init__(self, sequence: PlainSequence) -> None:
        self.of = sequence
        self.found: list[Found] = []
        self.due: list[Due] = []
        self.late = 0
        self._newest: tuple[int, int] | None = None
        self._place = 0
        self._void()

    def _void(self) -> None:
        self._runs: dict[int, list[Partial]] = {at: [] for at in range(len(self.of.steps))}
        self._first: list[tuple[int, Seen]] = []
        self._kept: Partial | None = None
        self._first_marks: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
        self._waiting: tuple[int, Partial] | None = None
        self._any: dict[int, list[Seen]] = {at: [] for at in range(len(self.of.steps))}
        self._any_place = -1

    def see(self, event: Seen) -> None:
        key = (event.time, event.order)
        if self._newest is not None and key < self._newest:
            self.late += event.until or bool(event.steps & {step.name for step in self.of.steps})
            return
        self._newest = key
        self._place += 1
        self.pass_time(event.time)
        if event.until:
            self._void()
        if self.of.ordered:
            self._in_order(event)
        else:
            self._in_any_order(event)

    def pass_time(self, now: int) -> None:
        """A trailing absence comes true once time has passed its deadline."""
        if self._waiting is not None and now > self._waiting[0]:
            deadline, partial = self._waiting
            self.due.append(Due(deadline, partial.taken(self.of.steps)))
            self._waiting = None
            if not self.of.each:
                self._void()

    # steps in order

    def _in_order(self, event: Seen) -> None:
        steps = self.of.steps
        last = max(at for at, step in enumerate(steps) if not step.absent)
        closed: list[Partial] = []
        for at in reversed(range(len(steps))):
            step = steps[at]
            if step.name not in event.steps:
                continue
            if step.absent:
                self._absent(at, event)
            elif at == 0 and step.most != 1:
                closed += self._first_run(event, at == last)
            else:
                done = self._advance(at, event)
                closed += done if at == last else []
        if closed and event.gate and last == len(steps) - 1:
            self._emit(max(closed, key=Partial.newness), event)
        elif closed and event.gate and self._waiting is None:
            best = max(closed, key=Partial.newness)
            gap = steps[-1].gap
            deadline = best.start + self.of.within
            self._waiting = (deadline if gap is None else min(deadline, event.time + gap), best)

    def _emit(self, partial: Partial, event: Seen) -> None:
        self.found.append(Found(event, partial.taken(self.of.steps)))
        if not self.of.each:
            self._void()

    def _absent(self, at: int, event: Seen) -> None:
        """Marks whatever would have to pass this absent step: what was taken before it."""
        if at == len(self.of.steps) - 1:
            if self._waiting is not None and self._satisfies(at, self._waiting[1], event):
                self._waiting = None
            return
        for step in range(at):
            self._runs[step] = [
                replace(part, blocked=part.blocked | {at}) if self._satisfies(at, part, event) else part for part in self._runs[step]
            ]
        virtual = self._first_partial(event)
        if virtual is not None and self._satisfies(at, virtual, event):
            self._first_marks = (self._first_marks[0] | {at}, self._first_marks[1])
        if self._kept is not None and self._satisfies(at, self._kept, event):
            self._kept = replace(self._kept, blocked=self._kept.blocked | {at})

    def _satisfies(self, at: int, partial: Partial | None, event: Seen) -> bool:
        reads = self.of.steps[at].reads
        return reads is None or reads(event, partial.taken(self.of.steps) if partial is not None else {})

    def _before(self, at: int) -> list[int]:
        """The steps that may stand directly before step `at`, the nearest first."""
        found = []
        for step in reversed(range(at)):
            if self.of.steps[step].absent:
                continue
            found.append(step)
            if not self.of.steps[step].optional:
                break
        return found

    def _reaches(self, partial: Partial, at: int, event: Seen) -> bool:
        """Whether `event` may follow `partial` as the first event of step `at`."""
        gap = self.of.steps[at].gap
        own = partial.runs[-1].step
        near = gap is None or event.time - partial.last.time <= gap
        whole = event.time - partial.start <= self.of.within
        next_to = not self.of.strict or partial.place == self._place - 1
        clear = not any(own < absent < at for absent in partial.blocked)
        return near and whole and next_to and clear and self._satisfies(at, partial, event)

    def _candidates(self, at: int, event: Seen) -> list[Partial]:
        found: list[Partial] = []
        for step in self._before(at):
            least = self.of.steps[step].least
            if step == 0 and self.of.steps[0].most != 1:
                parts = [self._first_partial(event), self._kept]
                found += [part for part in parts if part is not None and len(part.runs[-1].events) >= least]
            else:
                found += [part for part in self._runs[step] if len(part.runs[-1].events) >= least]
        return [part for part in found if self._reaches(part, at, event)]

    def _advance(self, at: int, event: Seen) -> list[Partial]:
        """Extends the runs of step `at`, and begins new ones; returns those that are complete now and end with `event`."""
        step = self.of.steps[at]
        fresh: list[Partial] = []
        if step.most != 1:
            for place, part in enumerate(self._runs[at]):
                longer = self._extended(part, at, event)
                if longer is not None:
                    self._runs[at][place] = longer
                    fresh.append(longer)
        if at == 0:
            begun = [Partial(event.time, (Run(0, (event,)),), self._place)] if self._satisfies(0, None, event) else []
        else:
            begun = []
            for part in self._candidates(at, event):
                if step.most != 1:
                    if at in part.used:
                        continue
                    self._use(part, at)
                begun.append(Partial(part.start, (*part.runs, Run(at, (event,))), self._place))
        self._runs[at] += begun
        return [part for part in (*fresh, *begun) if len(part.runs[-1].events) >= step.least]

    def _use(self, part: Partial, at: int) -> None:
        step = part.runs[-1].step
        if part is self._kept:
            self._kept = replace(part, used=part.used | {at})
        elif step == 0 and self.of.steps[0].most != 1:
            self._first_marks = (self._first_marks[0], self._first_marks[1] | {at})
        else:
            place = next(place for place, each in enumerate(self._runs[step]) if each is part)
            self._runs[step][place] = replace(part, used=part.used | {at})

    def _extended(self, part: Partial, at: int, event: Seen) -> Partial | None:
        step = self.of.steps[at]
        run = part.runs[-1]
        before = part.runs[-2].events[-1]
        events = (*run.events, event)
        if step.most is not None:
            events = events[-step.most :]
        far = step.gap is not None and (event.time - part.last.time > step.gap or events[0].time - before.time > step.gap)
        apart = self.of.strict and (part.place != self._place - 1 or len(events) <= len(run.events))
        if far or apart or event.time - part.start > self.of.within:
            return None
        earlier = Partial(part.start, part.runs[:-1], part.place)
        if not self._satisfies(at, earlier, event):
            return None
        return Partial(part.start, (*part.runs[:-1], Run(at, events)), self._place)

    # a repeated first step

    def _first_run(self, event: Seen, is_last: bool) -> list[Partial]:
        """Appends to the run of the first step, or begins another one: then the newest complete one is kept beside it."""
        step = self.of.steps[0]
        if not self._satisfies(0, None, event):
            return []
        if self._first:
            place, last = self._first[-1]
            broken = (step.gap is not None and event.time - last.time > step.gap) or (self.of.strict and place != self._place - 1)
            if broken:
                complete = self._first_partial(last)
                if complete is not None:
                    self._kept = complete
                self._first = []
        self._first.append((self._place, event))
        self._first_marks = (frozenset(), frozenset())
        now = self._first_partial(event)
        if now is not None:
            self._kept = None
        return [now] if is_last and now is not None else []

    def _first_partial(self, at: Seen) -> Partial | None:
        """The run of the first step as of event `at`: its newest events, as many as may be, back to `within` before."""
        step = self.of.steps[0]
        events = [event for _, event in self._first]
        near = [event for event in events if event.time >= at.time - self.of.within]
        if step.most is not None:
            near = near[-step.most :]
        if len(near) < step.least:
            return None
        blocked, used = self._first_marks
        return Partial(near[-step.least].time, (Run(0, tuple(near)),), self._first[-1][0], blocked, used)

    # steps in any order

    def _in_any_order(self, event: Seen) -> None:
        steps = self.of.steps
        absent = [step for step in steps if step.absent and step.name in event.steps]
        if absent:
            self._any = {at: [] for at in range(len(steps))}
        hit = [at for at, step in enumerate(steps) if not step.absent and step.name in event.steps]
        if not hit:
            if self.of.strict:
                self._any = {at: [] for at in range(len(steps))}
            return
        for at in hit:
            self._any[at].append(event)
        runs = {}
        for at, step in enumerate(steps):
            near = [each for each in self._any[at] if each.time >= event.time - self.of.within]
            if step.most is not None:
                near = near[-step.most :]
            if step.absent or (step.optional and len(near) < step.least):
                continue
            if len(near) < step.least:
                return
            runs[step.name] = tuple(near)
        if event.gate and any(not steps[at].optional for at in hit):
            self.found.append(Found(event, runs))
            if not self.of.each:
                self._void()
