"""The approval of a rule holds for the text that was approved, and for that of the rule that it extends."""

from foundation.content_hash import content_hash
from patterns.lifecycle.manifest import Standing, manifest_text, read_manifest, with_manifest

PARENT = "title: p\nowner: o\nwhen: event.amount > 1.0\n"
CHILD = "title: c\nextends: parent\n"
OTHER = "title: the word extends alone\nowner: o\nwhen: event.amount > 1.0\n"
TEXTS = {"pattern:parent": PARENT, "pattern:child": CHILD, "pattern:other": OTHER}
BEFORE = {
    id: Standing(hash=content_hash(TEXTS[f"pattern:{id}"]), status="active", approved_by="ana") for id in ("parent", "child", "other")
}


def approved_after(changes: dict[str, str]) -> dict[str, str]:
    texts = with_manifest(TEXTS | changes, BEFORE, first=False)
    return {id: standing.approved_by for id, standing in read_manifest(texts["patterns"]).items()}


def test_a_release_without_changes_keeps_all_approvals() -> None:
    assert approved_after({}) == dict.fromkeys(("child", "other", "parent"), "ana")
    assert read_manifest(manifest_text(BEFORE)) == BEFORE


def test_a_change_of_a_rule_ends_its_approval_and_that_of_the_rules_that_extend_it() -> None:
    assert approved_after({"pattern:parent": PARENT.replace("1.0", "0.0")}) == {"child": "", "other": "ana", "parent": ""}


def test_a_change_of_a_rule_leaves_the_approval_of_the_one_that_it_extends() -> None:
    assert approved_after({"pattern:child": CHILD + "severity: high\n"}) == {"child": "", "other": "ana", "parent": "ana"}
