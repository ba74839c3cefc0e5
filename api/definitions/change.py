"""What a change of definitions is compiled and checked by, before anything of it is stored."""

from collections.abc import Callable, Mapping

from features.schema.schema import Schema
from features.sets.catalogue import check_removal
from foundation.document import Section, read_document
from pipeline.engine.feature_catalogue import users_of
from pipeline.engine.release import Release, features_of, schema_of
from pipeline.trial.trial_budget import try_upload

Changes = Mapping[str, str | None]
"""Texts by part; None takes a part out."""
CompileChange = Callable[[Release | None, Mapping[str, str], dict[str, str], Changes], Release]
"""As `compile_change`, given the texts of the release in force behind it."""
FIXED = ("id_field", "id_type", "time_field", "time_unit", "user")
"""What a schema says that every kept event, profile and decision is filed under."""


def compile_change(current: Release | None, texts: dict[str, str], changes: Changes) -> Release:
    """The release that `texts` make; `current`: the one in force, `changes`: what is another in `texts`.

    Raises:
        Refusal: it does not compile, does not decide on a synthetic event, has another identity, or lacks a feature that is in use.
    """
    if current is not None:
        _keep_identity(current.schema, schema_of(texts["schema"]), texts["schema"])
        if "models" not in changes:
            features = features_of(texts["features"], texts["schema"])
            check_removal(set(current.features.names).difference(features.names), users_of(current))
    return try_upload(texts, current.id + 1 if current else 1)


def compile_here(current: Release | None, current_texts: Mapping[str, str], texts: dict[str, str], changes: Changes) -> Release:
    """As `compile_change`, in this thread."""
    return compile_change(current, texts, changes)


def _keep_identity(old: Schema, new: Schema, text: str) -> None:
    for name in FIXED:
        if getattr(old, name) != getattr(new, name):
            _written(text, *name.split("_")).refuse(
                "identity changed",
                f"{name.replace('_', '.')} {getattr(old, name)}, as in the release in force",
                getattr(new, name),
                "events that are kept are filed under it: start a new system for another id, time or user",
            )


def _written(text: str, place: str, detail: str = "") -> Section:
    """Where the schema `text` says `detail` of `place`; `place` itself where it leaves it to the default."""
    section = read_document(text, "schema.yaml").at(place)
    return section.at(detail) if detail and section.is_mapping() and section.has(detail) else section


def with_changes(texts: Mapping[str, str], changes: Changes) -> dict[str, str]:
    """`texts` after `changes`, both by part."""
    return {part: text for part, text in {**texts, **changes}.items() if text is not None}
