"""Draws from a model of any family, through the engine that its users use without vLLM."""

from pathlib import Path
from typing import Any

import numpy as np

from collapse import engines
from collapse.config.settings import DecodingSettings
from collapse.media import Draws, Facts
from collapse.media.text import nothing

ENGINES = {"transformer": "transformers"}


def drawn_from(
    family: str, model: Any, folder: Path, facts: Facts, inputs: Any, decoding: DecodingSettings, seeds: np.ndarray
) -> Draws:
    """Save the model, open it for sampling, and draw."""
    model.save(folder)
    sampler = engines.open_sampler(ENGINES.get(family, "native"), family, folder, facts, "cpu", [])
    is_text = family in ("ngram", "transformer")
    return sampler.sample(nothing(len(seeds)) if inputs is None and is_text else inputs, decoding, seeds)
