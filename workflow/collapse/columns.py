"""One column of a table, in words and in Arrow's types."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """One column: its name, its Arrow type, and what a value means.

    Attributes:
        name: Column name.
        type: Arrow type; a category is written as `dictionary<int8, string>`.
        doc: What one value says, in one line.
        unit: Unit of the value; `1` for pure numbers and labels.
        nullable: Whether a value may be missing.
        categories: The closed list of labels, if the column is a category.
    """

    name: str
    type: pa.DataType
    doc: str
    unit: str = "1"
    nullable: bool = False
    categories: tuple[str, ...] = ()

    @property
    def field(self) -> pa.Field:
        """The Arrow field, with unit and meaning in its metadata."""
        return pa.field(self.name, self.type, self.nullable, {"unit": self.unit, "doc": self.doc})


def category(name: str, doc: str, *categories: str) -> Column:
    """A column whose values are of a closed list."""
    return Column(name, pa.dictionary(pa.int8(), pa.string()), doc, categories=categories)
