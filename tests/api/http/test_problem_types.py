"""Each problem has a type of its own, which the page on problems explains."""

import pathlib
import re

import msgspec

from api.http.problem import Problem
from api.http.problem_types import NO_RELEASE, TYPES, type_of

PAGE = (pathlib.Path(__file__).parents[3] / "docs" / "api-errors.md").read_text()


def test_the_page_on_problems_names_each_type_with_its_status_and_no_other() -> None:
    section = PAGE.split("## Types\n")[1].split("\n## ")[0]
    explained = re.findall(r"^\| `([\w-]+)` \| (\d+) \|", section, re.MULTILINE)
    assert sorted(explained) == sorted((each.name, str(each.status)) for each in TYPES)


def test_no_two_types_have_one_name() -> None:
    assert len({each.uri for each in TYPES}) == len(TYPES)


def test_a_problem_without_a_type_has_that_of_its_status_and_one_of_a_strange_status_that_of_its_class() -> None:
    body = msgspec.json.decode(Problem(404, "there is none").answer().body)
    assert (body["type"], body["title"]) == ("urn:weir:problem:not-found", "There is nothing here")
    assert (type_of(418).status, type_of(599).status) == (400, 500)


def test_a_problem_with_a_type_says_it() -> None:
    body = msgspec.json.decode(Problem(503, "nothing was pushed", type=NO_RELEASE).answer().body)
    assert body["type"] == "urn:weir:problem:no-release"
