"""What is inside a transformer: neurons by hand, activations as transformers gives them, ranks and alignment."""

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from collapse.errors import ConfigError
from collapse.families import internals
from collapse.families.transformer import HuggingFaceNetwork, TransformerModel
from collapse.media.text.sequences import Sequences

TEXTS = Sequences.of([[5, 6, 7, 8], [9, 10], [11, 12, 13]])
CONFIG = {"bos_token_id": 1, "eos_token_id": 2}


def wrapped(inner) -> TransformerModel:
    return TransformerModel(HuggingFaceNetwork(inner.eval()), dict(CONFIG), torch.device("cpu"))


@pytest.fixture(scope="module")
def llama():
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=20, attn_implementation="eager", **CONFIG, **shape))


@pytest.fixture(scope="module")
def gpt2():
    torch.manual_seed(0)
    shape = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}
    return GPT2LMHeadModel(GPT2Config(vocab_size=20, attn_implementation="eager", **CONFIG, **shape))


def test_a_neurons_weight_is_the_norm_of_what_reads_and_writes_it(llama, gpt2):
    feed = llama.model.layers[1].mlp
    parts = [feed.gate_proj.weight[:, 3], feed.up_proj.weight[:, 3], feed.down_proj.weight[3]]
    expected = torch.cat([part.detach() for part in parts]).norm().item()
    assert internals.neuron_weights(wrapped(llama))[1, 3] == pytest.approx(expected, rel=1e-5)
    feed = gpt2.transformer.h[0].mlp
    expected = torch.cat([feed.c_fc.weight[5].detach(), feed.c_proj.weight[:, 5].detach()]).norm().item()
    assert internals.neuron_weights(wrapped(gpt2))[0, 5] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_activations_are_the_hidden_states_of_each_text_alone(family, request):
    inner = request.getfixturevalue(family)
    found = internals.activations(wrapped(inner), TEXTS, 100)
    assert found.shape == (2, 9, 16)
    expected = []
    for text in TEXTS:
        given = torch.tensor([[1, *text[:-1]]])  # what each token is predicted from
        expected.append(inner(given, output_hidden_states=True).hidden_states[1][0].detach().numpy())
    rows = {tuple(np.round(row, 4)) for row in np.concatenate(expected)}
    assert {tuple(np.round(row, 4)) for row in found[0]} == rows  # the last block's are normed there, so the first's
    assert internals.activations(wrapped(inner), TEXTS, 4).shape == (2, 4, 16)


def test_what_is_looked_at_leaves_no_hook(llama):
    before = [len(block._forward_hooks) for block in llama.model.layers]
    internals.activations(wrapped(llama), TEXTS, 10)
    assert [len(block._forward_hooks) for block in llama.model.layers] == before


def test_effective_rank_counts_directions():
    rng = np.random.default_rng(0)
    one = rng.normal(size=(2_000, 1)) * np.ones(8)
    assert internals.effective_rank(one) == pytest.approx(1)
    assert internals.effective_rank(rng.normal(size=(20_000, 8))) == pytest.approx(8, rel=1e-3)
    assert internals.effective_rank(one + 100) == pytest.approx(1), "a shift is no direction"
    assert np.isnan(internals.effective_rank(np.ones((5, 3))))


def test_alignment_is_one_for_what_is_turned_or_scaled_and_small_for_what_is_unrelated():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3_000, 6)) * np.arange(1, 7)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert internals.linear_alignment(values, 3 * values @ turn + 5) == pytest.approx(1)
    assert internals.linear_alignment(values, rng.normal(size=(3_000, 6))) < 0.02
    # by the definition: centred kernels, HSIC over the root of each one's own
    few, other = values[:40], rng.normal(size=(40, 6))
    centre = np.eye(40) - 1 / 40
    one, two = centre @ few @ few.T @ centre, centre @ other @ other.T @ centre
    expected = np.trace(one @ two) / np.sqrt(np.trace(one @ one) * np.trace(two @ two))
    assert internals.linear_alignment(few, other) == pytest.approx(expected)
    assert np.isnan(internals.linear_alignment(values, np.ones((3_000, 6))))


def test_a_network_of_another_kind_is_refused():
    with pytest.raises(ConfigError, match="blocks of a Linear are not known"):
        internals.blocks(torch.nn.Linear(2, 2))


def test_types_are_put_in_tenths_of_real_tokens_from_the_rarest():
    # 20 tokens: type 3 ten times, type 2 six, type 1 four; types 0 and 4 never.
    real = Sequences.of([[3] * 10, [2] * 6 + [1] * 4])
    # In order 0, 4, 1, 2, 3, the middles of their tokens lie at 0, 0, .1, .35, .75 of all.
    assert internals.frequency_bands(real, 5).tolist() == [0, 1, 3, 7, 0]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_spectrum_is_entropy_and_loss_by_the_real_tokens_band(family, request):
    inner = request.getfixturevalue(family)
    bands = np.arange(20) // 2
    entropy, loss = internals.spectrum(wrapped(inner), TEXTS, 100, bands)
    expected: dict[int, list[tuple[float, float]]] = {}
    for text in TEXTS:
        with torch.no_grad():
            said = inner(torch.tensor([[1, *text[:-1]]])).logits[0].double().softmax(-1).numpy()
        for token, p in zip(text, said, strict=True):
            expected.setdefault(bands[token], []).append((-(p * np.log(p)).sum(), -np.log(p[token])))
    for band in range(internals.BANDS):
        if band in expected:
            assert (entropy[band], loss[band]) == pytest.approx(np.mean(expected[band], axis=0), rel=1e-4)
        else:
            assert np.isnan(entropy[band]) and np.isnan(loss[band])


def test_texts_that_do_not_fit_into_one_batch_are_read_all_the_same(llama, monkeypatch):
    bands = np.arange(20) // 2
    whole = internals.activations(wrapped(llama), TEXTS, 100), internals.spectrum(wrapped(llama), TEXTS, 100, bands)
    monkeypatch.setattr(internals, "ROWS_READ", 1)
    parts = internals.activations(wrapped(llama), TEXTS, 100), internals.spectrum(wrapped(llama), TEXTS, 100, bands)
    assert parts[0].shape == whole[0].shape == (2, 9, 16)
    for one, other in zip(parts[1], whole[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
