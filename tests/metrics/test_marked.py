"""What is measured of a watermark: of samples, of real text, and of a model that may have learned it."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

from collapse.config.form import TEXT
from collapse.config.settings import EvaluationSettings, TransformerSettings, WatermarkSettings
from collapse.families.green_mass import green_mass
from collapse.families.llama import Llama, configuration
from collapse.families.transformer import TransformerModel
from collapse.media.text.sequences import Sequences
from collapse.metrics import marked
from collapse.metrics.arm import Arm
from collapse.watermark import is_green

MARK = WatermarkSettings(green_share=0.25, bias=3.0, key=11)
BOS, SIZE = 0, 40


@pytest.fixture(scope="module")
def model() -> TransformerModel:
    shape = {"base_model": None, "revision": None, "architecture": "llama", "n_layers": 1, "n_heads": 1, "width": 16}
    settings = TransformerSettings(**shape, context_length=32, tuning="full", lora_rank=1, precision="float32")
    torch.manual_seed(0)
    network = Llama(settings, SIZE)
    for weight in network.parameters():
        weight.data.mul_(4)  # so that it is far from uniform
    return TransformerModel(network, configuration(settings, SIZE, BOS, 1), torch.device("cpu"))


def greens(before: int) -> list[int]:
    return [token for token in range(SIZE) if is_green(MARK, np.array([before]), np.array([token]))[0]]


def scored(model: TransformerModel, before: list[int], token: int) -> float:
    """Probability of a token, by the model's own score of a text of one token."""
    return float(np.exp(-model.score(Sequences.of([[token]]), Sequences.of([before]))[0]))


def test_green_mass_is_what_the_model_gives_to_every_green_token_at_each_place(model):
    text, prompt = [7, 30, 7, 1], [5, 9]
    expected = [
        sum(scored(model, [*prompt, *text[:at]], token) for token in greens([*prompt, *text][at + 1]))
        for at in range(4)
    ]
    found = green_mass(model, MARK, Sequences.of([text]), Sequences.of([prompt]))
    assert found.tolist() == pytest.approx(expected, abs=1e-5)
    unprompted = green_mass(model, MARK, Sequences.of([text[:1]]), None)
    assert unprompted.tolist() == pytest.approx([sum(scored(model, [], token) for token in greens(BOS))], abs=1e-5)


def test_green_mass_of_many_texts_has_a_number_for_every_token(model):
    rng = np.random.default_rng(0)
    texts = Sequences.of([rng.integers(2, SIZE, rng.integers(1, 20)) for _ in range(50)])
    alone = [green_mass(model, MARK, texts.take(np.array([row])), None) for row in range(50)]
    together = green_mass(model, MARK, texts, None)
    np.testing.assert_allclose(np.sort(together), np.sort(np.concatenate(alone)), atol=1e-5)


def arm(model: TransformerModel, samples: list[list[int]] | None, test: list[list[int]]) -> Arm:
    def table(texts: list[list[int]]) -> pa.Table:
        return pa.table(
            {
                "token_ids": Sequences.of(texts).to_arrow(),
                "prompt_token_ids": Sequences.of([[]] * len(texts)).to_arrow(),
            }
        )

    return Arm(
        form=TEXT,
        settings=EvaluationSettings(diversity_tokens=100, self_bleu_samples=2, tail_share=0.1),
        model=model,
        train=table(test),
        test=table(test),
        test_nats=np.ones(len(test)),
        samples=None if samples is None else table(samples),
        encoder=SimpleNamespace(bos=BOS),
        watermark=MARK,
    )


def chain(length: int, is_marked: bool) -> list[int]:
    """A text of different tokens, each green after the one before, or none."""
    text = [BOS]
    while len(text) <= length:
        ends = set(greens(text[-1]))
        text.append(next(token for token in range(2, SIZE) if (token in ends) == is_marked and token not in text))
    return text[1:]


def test_samples_and_held_out_text_are_tested_and_the_model_is_asked(model):
    found = marked.measured(arm(model, [chain(12, True), chain(4, False)], [chain(12, False)]))
    by_name = {(one.metric, one.evaluation_set): one for one in found}
    z = [9 / np.sqrt(12 * 3 / 16), -1 / np.sqrt(4 * 3 / 16)]
    assert by_name["watermark_z", "samples"].value == pytest.approx(np.mean(z))
    assert by_name["watermark_z", "samples"].standard_error == pytest.approx(abs(z[0] - z[1]) / 2)
    assert by_name["watermarked_fraction", "samples"].value == 0.5
    assert (
        by_name["green_share", "samples"].value == pytest.approx(12 / 16) and by_name["green_share", "samples"].n == 16
    )
    real = {name: one.value for (name, place), one in by_name.items() if place == "real_test"}
    assert real["watermark_z"] == pytest.approx(-2) and real["watermarked_fraction"] == real["green_share"] == 0
    assert real["green_mass"] == pytest.approx(green_mass(model, MARK, Sequences.of([chain(12, False)]), None).mean())


def test_generation_0_has_no_samples_to_test(model):
    found = marked.measured(arm(model, None, [[7, 1], []]))
    assert {one.evaluation_set for one in found} == {"real_test"}
    assert {one.metric: one.n for one in found} == {
        "watermark_z": 1,  # a text without a token has none
        "watermarked_fraction": 1,
        "green_share": 2,
        "green_mass": 2,
    }
