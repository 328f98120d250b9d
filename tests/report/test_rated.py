"""What the report says of how good raters are."""

import pyarrow as pa

from collapse.artifacts.contracts import HELD_OUT, METRICS
from collapse.plots import wording
from collapse.reporting.rated import rated


def held_out(*rows: tuple[str, str, float]) -> pa.Table:
    table = [
        {"text_id": str(n), "group": "g", "text": "t", "label": label, "given": given, "probability": sure}
        for n, (label, given, sure) in enumerate(rows)
    ]
    return pa.Table.from_pylist(table, schema=HELD_OUT.schema)


def test_each_label_has_its_recall_precision_and_confidence_and_an_untested_rater_says_that_it_is():
    tested = held_out(("left", "left", 0.9), ("left", "right", 0.7), ("right", "right", 0.8), ("left", "left", 0.6))
    found = rated(METRICS.schema.empty_table(), ["replace"], 2, 0.95, {"leaning": tested, "given": held_out()})
    assert found is not None
    nothing = (wording.NOTHING,) * 3
    assert [(row.rater, row.label, row.n_texts, row.recall, row.said, row.surest) for row in found.tested] == [
        ("given", wording.NOTHING, "0", *nothing),
        ("leaning", "left", "3", "66.7 %", "100 %", "75 %"),
        ("leaning", "right", "1", "100 %", "50 %", "75 %"),
    ]
