"""The JSON Schema of a rule's file, by which editors complete and check it while it is written."""

from typing import Any

import msgspec

from patterns.language.file_form import PatternForm

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def pattern_schema() -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of one rule, as JSON-ready values. It says nothing of what expressions mean."""
    schema: dict[str, Any] = msgspec.json.schema(PatternForm)
    matching = {"anyOf": [{"required": ["when"]}, {"required": ["sequence"]}], "required": ["owner"]}
    return {"$schema": _DRAFT, "title": "A rule of Weir", **schema, "anyOf": [{"required": ["extends"]}, matching]}
