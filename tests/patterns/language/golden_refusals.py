"""Refusals of the rules in the folder `bad`, each as the golden file has it. For tests only.

A case is one file, or a folder of rules that are read together. Run as a program from the root of the project, with the root and this
folder on PYTHONPATH, this writes the golden file anew; read the difference before it is kept.
"""

import pathlib

from rule_scope import SCOPE

from patterns.language.rule_folder import read_patterns

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE / "refusals.golden.txt"


def texts_of(case: pathlib.Path) -> dict[str, str]:
    files = sorted(case.glob("*.yaml")) if case.is_dir() else [case]
    return {file.stem: file.read_text() for file in files}


def cases() -> list[pathlib.Path]:
    return sorted((HERE / "bad").iterdir())


def shown_of(case: pathlib.Path) -> str:
    reading = read_patterns(texts_of(case), SCOPE)
    return f"== {case.stem}\n" + "".join(f"{refusal}\n" for refusal in reading.refusals)


if __name__ == "__main__":
    GOLDEN.write_text("\n".join(map(shown_of, cases())))
