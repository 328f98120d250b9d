"""What raters say of each generation's text: which panels there are, and what they are called."""

import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts.evaluation_sets import of_rater, rater_and_label

RATED = "What was written, rated"

METRICS = ("label_share", "quality_index", "quality_level", "base_perplexity")
"""Of the catalogue, in the order of panels."""


def rated_panels(metrics: pa.Table) -> tuple[tuple[str, str], ...]:
    """Metrics and evaluation sets that are drawn; of a rater of two labels, the share of one says that of the other.

    Args:
        metrics: Rows of the METRICS contract.
    """
    rows = metrics.filter(pc.is_in(metrics["metric"], pa.array(METRICS)))
    found = sorted(set(zip(rows["metric"].to_pylist(), rows["evaluation_set"].to_pylist(), strict=True)))
    levels = {place for metric, place in found if metric == "quality_index"}
    panels = list[tuple[str, str]]()
    for metric in METRICS:
        places = [place for name, place in found if name == metric and place != "real_test"]
        panels += [(metric, place) for place in places if metric != "label_share" or _is_drawn(place, places, levels)]
    return tuple(panels)


def _is_drawn(place: str, places: list[str], levels: set[str]) -> bool:
    """Whether the share has a panel: not of levels, whose mean has one; of two labels, the second's alone."""
    rater, _ = rater_and_label(place)
    if of_rater(rater) in levels:
        return False
    same = [other for other in places if rater_and_label(other)[0] == rater]
    return len(same) != 2 or place == same[1]
