"""Pages for engineers name only classes, functions and constants that the sources have."""

import ast
import pathlib
import re

import pytest

Sources = dict[pathlib.Path, ast.Module]

pytestmark = pytest.mark.slow

NAME = re.compile(r"`(?:[a-z_]+\.)*([A-Za-z_]\w*)`")
CALL = re.compile(r"`(?:\*\*)?(?:\w+\.)*(\w+)\(([^`]*)\)`")
KEYWORD = re.compile(r"(\w+)=")
NOT_OF_CODE = {"Args", "GET", "POST", "PUT"}
"""A heading of docstrings, and methods of HTTP."""


def written_like_a_name_of_code(word: str) -> bool:
    """Tells whether a word has an underscore or a capital, so that it is no plain word, and is no variable of the environment."""
    return ("_" in word or word != word.lower()) and not word.startswith("WEIR_") and word not in NOT_OF_CODE


@pytest.fixture(scope="module")
def nodes(sources: Sources) -> list[ast.AST]:
    """Every node of every source."""
    return [node for tree in sources.values() for node in ast.walk(tree)]


@pytest.fixture(scope="module")
def names(sources: Sources, nodes: list[ast.AST]) -> set[str]:
    """Every name that the Python sources define, read or import, and those of their folders."""
    found = {part for file in sources for part in file.parent.parts}
    for node in nodes:
        found.update(value for field in ("name", "id", "attr", "arg") if isinstance(value := getattr(node, field, None), str))
    return found


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_every_name_of_code_that_a_page_says_is_in_the_sources(page: str, project: pathlib.Path, names: set[str]) -> None:
    java = {file.stem for file in (project / "pipeline" / "java").rglob("*.java")}
    words = {word for word in NAME.findall((project / page).read_text()) if written_like_a_name_of_code(word)}
    scripts = {word for file in (project / "console" / "src").rglob("*.ts") for word in re.findall(r"\w+", file.read_text())}
    unknown = sorted(words - names - java - scripts)
    assert unknown == [], f"{page} names what the sources do not have: it was renamed or deleted; say its name of now"


def parameters_of(definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str]:
    """Collects the names that a call of a function, or of a class with annotated fields or a constructor, may give by keyword."""
    arguments = [node for node in ast.walk(definition) if isinstance(node, ast.arg)]
    fields = [node.target.id for node in ast.walk(definition) if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    return {argument.arg for argument in arguments} | set(fields)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_every_call_that_a_page_shows_can_be_made_so(page: str, project: pathlib.Path, nodes: list[ast.AST]) -> None:
    defined = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    unknown = []
    for name, given in CALL.findall((project / page).read_text()):
        keywords = set(KEYWORD.findall(given))
        if not any(each.name == name and keywords <= parameters_of(each) for each in defined):
            unknown.append(f"{name}({given})")
    assert unknown == [], f"{page} shows calls of what no function or class of the sources takes: say its name and keywords of now"
