"""How the page says what was set up."""

import pytest
import yaml
from projects import ROOT

from collapse.config import load_plan
from collapse.reporting import setup

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.mark.parametrize(
    ("prompt", "decoding", "said"),
    [
        ({}, {}, "sampling at temperature 1, no truncation"),
        (
            {"source": "real_prefix", "n_tokens": 8},
            {"top_p": 0.9, "max_new_tokens": 64},
            "sampling at temperature 1, top_p 0.9, after the first 8 tokens of real documents",
        ),
        (
            {"source": "real_blocks", "n_tokens": 16},
            {"method": "greedy", "max_new_tokens": 16},
            "greedy, after every 16 tokens of real documents",
        ),
        (
            {"source": "real_prefix", "n_tokens": 8},
            {"method": "beam", "n_beams": 5, "max_new_tokens": 16},
            "the best of 5 beams, after the first 8 tokens of real documents",
        ),
    ],
)
def test_how_text_is_drawn_and_what_it_goes_on_from(prompt, decoding, said):
    changed = {
        "prompt": CONFIG["prompt"] | {"in_training": False} | prompt,
        "decoding": CONFIG["decoding"] | decoding,
        "generate": CONFIG["generate"] | {"engine": "transformers" if "n_beams" in decoding else "vllm"},
    }
    facts = {fact.name: fact.value for fact in setup.facts(load_plan(CONFIG | changed, "test"))}
    assert facts["Text is drawn by"] == said
