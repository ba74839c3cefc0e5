"""What the tables of the relational store share: the collection that they are in, and a text that every database orders alike."""

from sqlalchemy import MetaData, Text

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
"""All tables. Each file that owns some adds them here; `stores.relational.migrations` makes them."""

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""A text that is compared byte by byte, whatever language the database was made for."""
