"""``python -m pipeline.wire`` writes what is made from the declaration: ``Wire.java`` and the tables of ``docs/wire-format.md``."""

import pathlib

from pipeline.wire.java_source import java_source
from pipeline.wire.page_tables import with_tables

PROJECT = pathlib.Path(__file__).resolve().parents[2]
JAVA = PROJECT / "pipeline" / "java" / "src" / "main" / "java" / "weir" / "flink" / "Wire.java"
PAGE = PROJECT / "docs" / "wire-format.md"


def main() -> None:
    """Writes both files anew."""
    JAVA.write_text(java_source())
    PAGE.write_text(with_tables(PAGE.read_text()))


if __name__ == "__main__":
    main()
