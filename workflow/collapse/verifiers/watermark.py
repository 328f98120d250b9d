"""Scores samples by how little they look as if a model had marked them: −z of their green tokens.

Higher is better, as of every verifier, so `threshold` with `least: -4` lets through what the paper would not take for
marked (z at most 4), and `top_fraction` those with the fewest green tokens.
"""

from collapse.config.verifiers import WatermarkVerifier
from collapse.verifiers import Verdicts
from collapse.verifiers.case import Case
from collapse.watermark import counted

VERSION = "watermark/1"


def judged(settings: WatermarkVerifier, case: Case, name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    assert case.watermark is not None
    drawn = case.drawn
    return case.select(settings.select, -counted(case.watermark, drawn.outputs, drawn.inputs, case.encoder.bos).z, name)
