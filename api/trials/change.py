"""Compiles and checks a change of definitions before anything of it is stored."""

from collections.abc import Callable, Mapping

from features.schema.schema import Schema
from features.sets.catalogue import check_removal
from foundation.document import Section, read_document
from pipeline.engine.definitions.champions import CHAMPIONS
from pipeline.engine.definitions.feature_catalogue import rule_part, users_of
from pipeline.engine.definitions.release import Release, features_of, schema_of
from pipeline.trial.trial_budget import try_upload

Changes = Mapping[str, str | None]
"""The changed texts by part; None removes a part."""
UNTRIED = frozenset({CHAMPIONS})
"""Parts whose change needs no trial: all models are scored already, and which of them counts is no new work."""
CompileChange = Callable[[Release | None, Mapping[str, str], dict[str, str], Changes], Release]
"""A function like `compile_change` whose second argument is the texts of the release in force."""
FIXED = ("id_field", "id_type", "time_field", "time_unit", "user")
"""These values of a schema can never change, because all stored events, profiles and decisions are keyed by them."""


def compile_change(current: Release | None, texts: dict[str, str], changes: Changes) -> Release:
    """Compiles a release from `texts` and tries it.

    Args:
        current: the release in force, if there is one.
        texts: all texts of the new release, by part.
        changes: those of `texts` that differ from the release in force.

    Raises:
        Refusal: the release does not compile, does not decide on a synthetic event, changes the schema's identity (`FIXED`), or lacks a
            feature that is in use.
    """
    if current is not None:
        _keep_identity(current.schema, schema_of(texts["schema"]), texts["schema"])
        if "models" not in changes:
            features = features_of(texts["features"], texts["schema"])
            users = {user: names for user, names in users_of(current).items() if rule_part(user) not in changes}
            check_removal(set(current.features.names).difference(features.names), users)
    return try_upload(texts, current.id + 1 if current else 1)


def compile_here(current: Release | None, current_texts: Mapping[str, str], texts: dict[str, str], changes: Changes) -> Release:
    """Calls `compile_change` in this thread."""
    return compile_change(current, texts, changes)


def _keep_identity(old: Schema, new: Schema, text: str) -> None:
    for name in FIXED:
        if getattr(old, name) != getattr(new, name):
            _written(text, *name.split("_")).refuse(
                "identity changed",
                f"{name.replace('_', '.')} {getattr(old, name)}, as in the release in force",
                getattr(new, name),
                "stored events are keyed by it; another id, time or user needs a new system",
            )


def _written(text: str, key: str, detail: str = "") -> Section:
    """The section of the schema `text` at `key` and `detail`; that at `key` if the text does not name `detail`."""
    section = read_document(text, "schema.yaml").at(key)
    return section.at(detail) if detail and section.is_mapping() and section.has(detail) else section


def with_changes(texts: Mapping[str, str], changes: Changes) -> dict[str, str]:
    """`texts` with `changes` applied, both by part."""
    return {part: text for part, text in {**texts, **changes}.items() if text is not None}
