"""Definitions written at random by their grammar: most of them valid, with every template, type and form, and some with one odd thing."""

import copy
import functools
import pathlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from detectors.input_scaling import SCALINGS
from features.definitions.template import Parameter, Template
from features.definitions.template_registry import TEMPLATES

Tree = Any
SAMPLES = sorted(pathlib.Path("deploy/samples").iterdir())
PARTS = ("schema", "features", "models", "policy")
ODD_NAMES = ["a.b", "class", "é", "ß\u0301", "x" * 129, "x" * 5_000, "", " ", "op", "event", "feature.x", "0", "a..b", "\0", "💥"]
ODD_NAMES += ["a-b", "in"]
GOOD_NAMES = ["_", "__class__", "__slots__", "None", "self", "mro", "x" * 128, "A", "amount", "event", "feature", "class", "size"]
NUMBERS = [0, -0.0, -1, 1, 2, 63, 64, 127, 128, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**30, 1e308, 5e-324, float("inf"), float("nan")]
DURATIONS = ["1ms", "10ms", "1s", "1m", "7m", "1h", "24h", "1d", "7d", "30d", "400d", "36525d"]
ODD_DURATIONS = ["0s", "-1m", "9999999d", "99999999999999999999d", "1.5h", "1h30m", "h", "1 h", "1y", "", "36526d"]
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "Africa/Monrovia"]
ODD_ZONES = ["../etc", "", "Europe", "utc", "/UTC", "localtime\0", "é"]
ODD_VALUES: list[Any] = [None, True, False, [], {}, [[]], {"a": {}}, ["a", "a"], [None], "x", "event.amount", *NUMBERS, *ODD_DURATIONS]
TYPES = ("decimal", "float", "integer", "boolean", "string")
CEL_TYPES = {"decimal": "d", "float": "d", "integer": "i", "boolean": "b", "string": "s"}
LEAVES = {
    "i": ["0", "1", "-7", "9223372036854775807", "-9223372036854775808", "60"],
    "d": ["0.0", "1.5", "-2.5", "1e308", "5e-324", "100.0"],
    "s": ["''", "'é'", "'1'", "'a' + 'b'", "'2020-01-01T00:00:00Z'", "r'\\d'", "'\\u2028'"],
    "b": ["true", "false"],
    "t": ["timestamp('2009-02-13T23:31:30Z')", "timestamp(0)", "timestamp('9999-12-31T23:59:59Z')"],
    "l": ["duration('1h30m')", "duration('-1.5s')", "duration('90000000s')"],
}
SHAPES = {
    "i": [
        *(f"({{i}} {sign} {{i}})" for sign in "+-*/%"),
        *("-({i})", "int({d})", "int({s})", "int({t})", "size({s})", "[{i}, {i}][{i}]", "{{1: {i}, 2: {i}}}[{i}]", "math.abs({i})"),
        *("[{i}, {i}].filter(x, x > {i}).size()", "[{i}, {i}].map(x, {i} / x)[0]", "{t}.getHours('Europe/Berlin')", "{t}.getDayOfWeek()"),
        *("{l}.getSeconds()", "{t}.getFullYear()", "{s}.indexOf({s})", "math.least({i}, {i}, {i})", "({b} ? {i} : {i})"),
    ],
    "d": [
        *(f"({{d}} {sign} {{d}})" for sign in "+-*/"),
        *("-({d})", "double({i})", "double({s})", "math.sqrt({d})", "math.round({d})", "math.greatest({d}, {d})", "math.floor({d})"),
        *("({b} ? {d} : {d})", "math.abs({d})", "math.sign({d})", "[{d}, {d}][{i}]"),
    ],
    "s": [
        *("({s} + {s})", "string({i})", "string({b})", "string({d})", "string({t})", "{{'a': {s}, 'b': {s}}}[{s}]", "{s}.lowerAscii()"),
        *("{s}.charAt({i})", "{s}.substring({i})", "{s}.substring({i}, {i})", "{s}.replace({s}, {s})", "{s}.trim()", "string({l})"),
    ],
    "b": [
        *("({b} && {b})", "({b} || {b})", "!({b})", "({b} ? {b} : {b})", "({s} in ['a', {s}])", "({i} in [1, 2, -3])", "bool({s})"),
        *(f"({{{kind}}} {sign} {{{kind}}})" for kind in "idsbtl" for sign in ("==", "<", ">=", "!=")),
        *("{s}.contains({s})", "{s}.startsWith({s})", "{s}.matches('^a+$')", "{s}.matches('(a|b)*-')", "math.isNaN({d})"),
        *("[{i}, {i}, 0].all(x, x > {i} || 6 / x == {i})", "[{i}, 1].exists_one(y, {i} / y > 2)", "({i} < {d})", "has({name})"),
    ],
    "t": ["({t} + {l})", "({t} - {l})", "timestamp({i})", "timestamp({s})"],
    "l": ["({t} - {t})", "({l} + {l})", "duration({s})"],
}


class Writer:
    """Writes one release. `odd` is the share of choices that come from beyond the bounds."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.odd = draw.choice([0.0, 0.0, 0.0, 0.0, 0.004, 0.05])
        self.fields: dict[str, str] = {}
        self.kinds: list[str] = []
        self.names: dict[str, list[str]] = {}
        self.features: list[str] = []
        self.models: list[str] = []

    def trees(self) -> dict[str, Tree]:
        """A schema, features, models and a policy that fit each other."""
        return {"schema": self._schema(), "features": self._features(), "models": self._models(), "policy": self._policy()}

    def _one(self, good: list[Any] | tuple[Any, ...], odd: list[Any] = ODD_VALUES) -> Any:
        return copy.deepcopy(self.draw.choice(odd if self.draw.random() < self.odd else good))

    def _maybe(self, chance: float) -> bool:
        return self.draw.random() < chance

    def _field_name(self, usual: str, taken: list[str]) -> str:
        name = str(self._one([usual] * 12 + [usual + "_2", f"inner.{usual}", f"x.y.{usual}", *GOOD_NAMES], ODD_NAMES))
        nests = any(name == other or name.startswith(other + ".") or other.startswith(name + ".") for other in taken)
        name = usual if nests and not self._maybe(self.odd) else name
        taken.append(name)
        return name

    def _schema(self) -> Tree:
        taken: list[str] = []
        id_type = self._one(["integer", "string"])
        schema: dict[str, Tree] = {"id": {"field": self._field_name("id", taken), "type": id_type}}
        schema["time"] = {"field": self._field_name("at", taken), "unit": self._one(["ms", "ms", "s", "us", "rfc3339"])}
        schema["user"] = self._field_name("user", taken)
        schema["entities"] = [self._field_name(f"k{n}", taken) for n in range(self.draw.choice([0, 1, 1, 2, 2, 3, 5]))]
        schema["fields"] = {}
        for n in range(self.draw.choice([0, 1, 2, 3, 4, 5, 6])):
            schema["fields"][self._field_name(f"f{n}", taken)] = self._field()
        for name in ("lateness", "retention", "max_ahead", "dedupe", "ttl"):
            if self._maybe(0.15):
                schema[name] = self._one(["90d", "400d", "90d", "1000d"] if name == "ttl" else DURATIONS[:10], ODD_DURATIONS + ODD_VALUES)
        for name in ("events_max", "rewind_max"):
            if self._maybe(0.2):
                schema[name] = self._one([32, 33, 64, 1_000, 1 << 40])
        if self._maybe(0.15):
            moments = ["2000-01-01", "1970-01-01", "2010-05-06T07:08:09.123+02:00"]
            schema["min_time"] = self._one(moments, ["1969-12-31", "9999-12-31", "now", 5])
        if self._maybe(0.2):
            schema["labels"] = {"negative_after": self._one(DURATIONS)}
        self.kinds = [schema["user"], *schema["entities"]]
        self.fields = {name: field["type"] for name, field in schema["fields"].items()}
        self._remember_names(schema, id_type)
        return schema

    def _field(self) -> Tree:
        field: dict[str, Tree] = {"type": self._one(TYPES)}
        if field["type"] == "decimal" and self._maybe(0.6):
            field["scale"] = self._one([0, 1, 2, 3, 6], [7, -1, "2", 2.0, None])
        if field["type"] == "decimal" and self._maybe(0.1):
            field["currency"] = self._one(["EUR", "f0", ""])
        for name, chance in (("retain", 0.4), ("required", 0.4)):
            if self._maybe(chance):
                field[name] = self._one([True, False, False])
        if field["type"] == "string" and self._maybe(0.3):
            field["dimension"] = True
        return field

    def _remember_names(self, schema: Tree, id_type: str) -> None:
        self.names = {kind: [] for kind in LEAVES}
        self.names["i" if id_type == "integer" else "s"].append(f"event.{schema['id']['field']}")
        self.names["t"].append(f"event.{schema['time']['field']}")
        self.names["s"] += [f"event.{kind}" for kind in self.kinds]
        for name, type in self.fields.items():
            self.names[CEL_TYPES.get(str(type), "d")].append(f"event.{name}")

    def expression(self, kind: str, depth: int = 2, features: bool = False) -> str:
        """An expression of a type, by its first letter, over the schema's names and, where said so, other features."""
        names = self.names[kind] + (["feature." + name for name in self.features] if features and kind == "d" else [])
        if self._maybe(self.odd):
            return str(self._one(["event.nothing", "null", "[]", "{}", "1 +", "event", "f(1)", "event.", "(" * 50, "a.b.c", "1u", "b'x'"]))
        if depth == 0 or self._maybe(0.25):
            return str(self.draw.choice(names if names and self._maybe(0.75) else LEAVES[kind]))
        shape = self.draw.choice(SHAPES[kind])
        if "{name}" in shape:
            known = [name for of_kind in self.names.values() for name in of_kind]
            return shape.replace("{name}", self.draw.choice(known))
        if self._maybe(self.odd):
            shape = shape.replace("{i}", "{s}")
        return shape.format_map(_Inner(lambda inner: self.expression(inner, depth - 1, features)))

    def _features(self) -> Tree:
        made = []
        for n in range(self.draw.choice([1, 1, 2, 3, 3, 4, 6])):
            name = str(self._one([f"g{n}"] * 9 + [name for name in GOOD_NAMES if name not in self.features], ODD_NAMES))
            made.append({"name": name} | self._feature(TEMPLATES[self.draw.choice(list(TEMPLATES))]))
            self.features.append(name)
        return made

    def _feature(self, template: Template) -> dict[str, Tree]:
        made: dict[str, Tree] = {} if template.name == "expression" and self._maybe(0.5) else {"template": template.name}
        for parameter in template.parameters:
            if parameter.default is None or self._maybe(0.35):
                made[parameter.name] = self._parameter(template, parameter)
        if self._maybe(0.05):
            made[self.draw.choice(["description", "owner"])] = self._one(["é", ""])
        if self._maybe(self.odd):
            made[self.draw.choice(["window", "value", "zone", "of", "x", "half_life"])] = self._one(["1h", "event.f0"])
        return made

    def _parameter(self, template: Template, parameter: Parameter) -> Tree:
        if parameter.name in ("value", "latitude", "longitude"):
            return self._value(number="numeric" in parameter.meaning)
        if parameter.name == "of":
            options = {"label_rate": ["all", "labelled"], "top_share": ["commonest", "own"]}
            return self._one(options.get(template.name, self.kinds[1:] or self.kinds))
        makers: dict[str, Callable[[], Tree]] = {
            "where": lambda: self.expression("b"),
            "expression": lambda: self.expression(self._one(["d", "d", "b", "i"], ["s", "t"]), 3, features=True),
            "entity": lambda: self._entity(template),
            "window": lambda: self._window(template),
            "include_current": lambda: self._one([True, False]),
            "prior": lambda: {"rate": self._one([0, 0.01, 1.0]), "weight": self._one([0, 20, 1e9])},
            "between": lambda: self._one([[0, 1], [1, 0], [1, 1]], [[-1, 99], [1], [], [0.5, 1], "x"]),
        }
        plain = {
            "half_life": ["1h", "1d", "400d", "1m"],
            "tick": DURATIONS,
            "per": DURATIONS,
            "threshold": [1, 1_000, 1_000_000_000],
            "smoothing": [1e-6, 1, 1e6],
            "zone": ZONES,
            "part": ["hour", "weekday", "weekend", "day", "month"],
        }
        return makers[parameter.name]() if parameter.name in makers else self._one(plain[parameter.name], ODD_VALUES + ODD_ZONES)

    def _value(self, number: bool) -> str:
        kinds = ["d", "d", "i"] if number else ["d", "i", "s", "s", "b"]
        named = [name for kind in kinds for name in self.names[kind] if not number or name.removeprefix("event.") in self.fields]
        if named and self._maybe(0.6):
            return self.draw.choice(named)
        return self.expression(self.draw.choice(kinds))

    def _entity(self, template: Template) -> Tree:
        if len(self.kinds) > 1 and self._maybe(0.3):
            return self.draw.sample(self.kinds, 2)
        others = self.kinds[1:] if template.name == "linked_count" else self.kinds
        return self._one(others or self.kinds, [*ODD_NAMES, [], ["user", "user"]])

    def _window(self, template: Template) -> Tree:
        forms: dict[str, Callable[[], Tree]] = {
            "sliding": lambda: self._one(DURATIONS, ODD_DURATIONS + ODD_VALUES),
            "delay": lambda: {"length": self._one(DURATIONS), "delay": self._one(["0s", *DURATIONS], ODD_DURATIONS)},
            "calendar": lambda: {"calendar": self._one(["hour", "day", "week", "month", "year"]), "zone": self._one(ZONES, ODD_ZONES)},
            "session": lambda: {"session": self._one(DURATIONS)},
            "last": lambda: {"last": self._one([1, 2, 5, 50, 100_000], [0, 100_001, "1", 1.0])},
            "unbounded": lambda: "unbounded",
        }
        return forms[self._one([form for form in forms if form not in template.unsuited], list(forms))]()

    def _models(self) -> Tree:
        inputs = [f"event.{name}" for name, type in self.fields.items() if type != "string"]
        inputs += [f"feature.{name}" for name in self.features]
        made = []
        for n in range(self.draw.choice([1, 1, 2, 2, 3]) if inputs else 0):
            model = self._global(inputs) if self._maybe(0.5) else self._keyed(inputs)
            name = str(self._one([f"m{n}"] * 9 + [name for name in GOOD_NAMES if name not in self.models], ODD_NAMES))
            made.append({"name": name} | model)
            self.models.append(name)
        return made

    def _global(self, inputs: list[str]) -> dict[str, Tree]:
        chosen = self.draw.sample(inputs, self.draw.randint(1, min(4, len(inputs))))
        model: dict[str, Tree] = {"model": "anomaly.HalfSpaceTrees", "inputs": chosen}
        parameters: dict[str, list[Any]] = {
            "n_trees": [1, 3],
            "height": [1, 4],
            "window_size": [1, 5, 50],
            "seed": [0, 7],
            "scaling": list(SCALINGS),
            "recent_scores": [1, 20, 20_000],
            "limits": [[[-1e307, 1e307]] * len(chosen), [[0, 1]] * len(chosen), [[0, 1e-300]] * len(chosen)],
        }
        if self._maybe(0.4):
            model["model"] = "linear_model.LogisticRegression"
            names = ("learning_rate", "learning_rate_power", "l2", "intercept_lr", "clip_gradient", "weight_positive", "clip_input")
            parameters = {name: [0.01, 0.5, 1.0] for name in names}
        self._add_parameters(model, parameters)
        if self._maybe(0.2):
            model["publish_every"] = self._one(DURATIONS)
        if self._maybe(0.2):
            model["sample"] = self._one([0, 0.5, 1.0])
        return model

    def _keyed(self, inputs: list[str]) -> dict[str, Tree]:
        model: dict[str, Tree] = {"model": "anomaly.GaussianScorer", "scope": "user", "inputs": [self.draw.choice(inputs)]}
        parameters: dict[str, list[Any]] = {"grace_period": [0, 1, 3], "one_sided": [True, False]}
        if self._maybe(0.5):
            model["model"] = "stats.DecayedQuantile"
            parameters = {"quantile": [0.5, 0.95, 1e-300], "half_life": [1, 200.0, 5e-324, 1e308], "grace_period": [1, 2]}
        self._add_parameters(model, parameters)
        return model

    def _add_parameters(self, model: dict[str, Tree], parameters: dict[str, list[Any]]) -> None:
        chosen = {name: self._one(values) for name, values in parameters.items() if self._maybe(0.4)}
        model |= {"parameters": chosen} if chosen else {}
        if self._maybe(0.3):
            model["kind"] = "river"

    def _policy(self) -> Tree:
        known = [name for name in self.models if name.isidentifier()] or ["m0"]
        names = self.draw.sample(known, self.draw.randint(1, len(known)))
        bounds = sorted(self.draw.sample([0.0, 5e-324, 0.1, 0.5, 0.9, 0.999999, 1.0], self.draw.randint(0, 4)))
        bounds = self._one([bounds], [bounds[::-1], [2.0], [float("nan")], ["0.5"]])
        bands = [{"below": bound, "action": self._action()} for bound in bounds] + [{"action": self._action()}]
        policy: dict[str, Tree] = {"score": f"first_ready({', '.join(names)})", "bands": bands}
        if self._maybe(0.6):
            policy["fallback"] = {"action": self._action()}
            if self._maybe(0.5):
                ages = self.draw.sample(DURATIONS, 2)
                policy["fallback"]["when_score_older_than"] = {self._one(ages, ODD_DURATIONS): self._action() for _ in ages}
        return policy

    def _action(self) -> Any:
        return self._one(["approve", "review", "block"], ["", "deny", True])


class _Inner(dict[str, str]):
    """Makes each part of a shape anew, where `str.format_map` asks for it."""

    def __init__(self, write: Callable[[str], str]) -> None:
        self._write = write

    def __missing__(self, kind: str) -> str:
        return self._write(kind)


def strange_texts(draw: random.Random) -> dict[str, str]:
    """The parts of a release: written by the grammar, some of them damaged then, in their tree, their lines or their characters."""
    trees = copy.deepcopy(trees_of(draw.choice(SAMPLES))) if draw.random() < 0.02 else Writer(draw).trees()
    if draw.random() < 0.12:
        _change(draw, trees[draw.choices(PARTS, weights=(2, 5, 2, 2))[0]])
    texts = {part: yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000) for part, tree in trees.items()}
    if draw.random() < 0.12:
        part = draw.choices(PARTS, weights=(2, 5, 2, 2))[0]
        texts[part] = draw.choice([_with_other_lines, _with_other_characters, _with_another_scalar])(draw, texts[part])
    if draw.random() < 0.05:
        texts["bypass"] = draw.choice(
            ["{mode: 'off', reason: x}", "{mode: approve_all, reason: é}", "mode: fallback_only\nreason: ' '\n", "[]"]
        )
    if draw.random() < 0.05:
        name = draw.choice(["allowed", "a1_", "b", "x" * 63, "x" * 64])
        texts[f"list:{name}"] = draw.choice(["", "a\nb\n", "# c\n\n a \n", "a\0", "x" * 513])
    return texts


@functools.cache
def trees_of(folder: pathlib.Path) -> dict[str, Tree]:
    """The definitions of a sample."""
    return {part: yaml.load((folder / f"{part}.yaml").read_text(), Loader=yaml.CSafeLoader) for part in PARTS}


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container below `value` with each of its keys."""
    for key in list(value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)):
        yield value, key
        yield from places(value[key])


def _change(draw: random.Random, tree: Tree) -> None:
    known = list(places(tree))
    if not known:
        return
    holder, key = draw.choice(known)
    what = draw.randrange(5)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        holder[draw.choice(ODD_NAMES + GOOD_NAMES)] = holder.pop(key)
    elif what == 2:
        other, at = draw.choice(known)
        holder[key] = copy.deepcopy(other[at])
    elif what == 3 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    else:
        holder[key] = copy.deepcopy(draw.choice(NUMBERS if isinstance(holder[key], int | float) else ODD_VALUES))


def _with_other_lines(draw: random.Random, text: str) -> str:
    lines = text.split("\n")
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    changes: list[Callable[[], object]] = [
        lambda: lines.pop(at),
        lambda: lines.insert(at, lines[at]),
        lambda: lines.__setitem__(slice(at, at + 1), [lines[other]]),
        lambda: lines.__setitem__(at, draw.choice([" ", "  ", "\t"]) + lines[at]),
        lambda: lines.__setitem__(at, lines[at].removeprefix("  ")),
    ]
    draw.choice(changes)()
    return draw.choice(["\n", "\n", "\r\n"]).join(lines)


def _with_other_characters(draw: random.Random, text: str) -> str:
    at = draw.randrange(len(text) + 1)
    noise = [
        "",
        "\t",
        "\0",
        "&a ",
        "*a",
        "!!python/name:os ",
        "{",
        "]",
        ": ",
        "\n",
        "- ",
        "'",
        "é",
        "9" * 31,
        "\ufeff",
        "\u2028",
        "# ",
        "? ",
    ]
    return text[:at] + draw.choice(noise) + text[at + draw.choice([0, 0, 1, 3, 20]) :]


def _with_another_scalar(draw: random.Random, text: str) -> str:
    lines = text.split("\n")
    at = draw.randrange(len(lines))
    name, colon, _ = lines[at].partition(": ")
    scalars = ["1", "1.5", "yes", "010", "1:30", "2020-01-01", "null", "~", ".inf", ".nan", "0x1F", "''", "|", ">-", "[]", "{}", "1e400"]
    scalars += ['"\\x00"']
    lines[at] = name + (colon or ": ") + draw.choice(scalars)
    return "\n".join(lines)
