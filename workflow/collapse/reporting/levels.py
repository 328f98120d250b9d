"""What the loss of generation 0 comes to beside that of n-gram models of the same text."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.plots import wording


def levels(metrics: pa.Table, references: pa.Table) -> tuple[str, ...]:
    """Say whether generation 0 knows more than counts, in one or two sentences.

    Args:
        metrics: Rows of the METRICS contract.
        references: Rows of the REFERENCES contract; only those of text are levels.
    """
    counted = "n_order" in references.column_names
    rows = sorted(references.to_pylist(), key=lambda row: row["n_order"]) if counted else []
    first = (
        (pc.field("metric") == "test_loss")
        & (pc.field("generation") == 0)
        & (pc.field("evaluation_set") == "real_test")
    )
    values = metrics.filter(first)["value"].to_numpy()
    if not rows or not len(values):
        return ()
    listed = " and ".join(f"a {row['model']} {wording.number(row['test_loss'], 3)}" for row in rows)
    own, best = float(np.mean(values)), min(rows, key=lambda row: row["test_loss"])
    known = all(row["knows_pretraining_text"] for row in rows)
    text = "all the real text that generation 0 has seen" if known else "the loop's real text, without the base model's"
    sentence = f"Dotted: n-gram models (interpolated Kneser-Ney) of {text}; {listed}."
    if own < best["test_loss"]:
        return (sentence, f"Generation 0 loses {wording.number(own, 3)}: it has learned more than counts.")
    return (
        sentence,
        f"Generation 0 loses {wording.number(own, 3)}, no less than the best of them: it has learned no more than "
        "counts do, and what follows is about such a model.",
    )
