import itertools
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from collapse.config.settings import TrainingSettings, TransformerSettings
from collapse.config.specs import FamilySpec
from collapse.errors import EngineError
from collapse.families import TrainingJob, transformer
from collapse.families.checkpoints import Checkpoints
from collapse.families.llama import Llama, tensors
from collapse.families.size import n_parameters
from collapse.families.training import learning_rate
from collapse.media import Examples, Facts
from collapse.media.text import Vocabulary, packing
from collapse.media.text.sequences import Sequences

VOCABULARY = Vocabulary(size=64, bos=0, eos=1)


def settings(**changes) -> TransformerSettings:
    values = {
        "base_model": None,
        "revision": None,
        "architecture": "llama",
        "n_layers": 2,
        "n_heads": 2,
        "width": 16,
        "context_length": 32,
        "tuning": "full",
        "lora_rank": 2,
        "precision": "float32",
    }
    return TransformerSettings(**(values | changes))


def training(**changes) -> TrainingSettings:
    values = {
        "batch_size": 4,
        "learning_rate": 1e-2,
        "schedule": "cosine",
        "warmup_fraction": 0.1,
        "weight_decay": 0.1,
        "gradient_clip": 1.0,
    }
    return TrainingSettings(**(values | changes))


def random_texts(n: int, seed: int = 0) -> Sequences:
    rng = np.random.default_rng(seed)
    return Sequences.of([[*rng.integers(2, 64, rng.integers(2, 30)), 1] for _ in range(n)])


def fit(texts, scratch=Path("no-such-folder"), initial=None, seed=3, train=None, minutes=10, **changes):
    family = FamilySpec(name="transformer", settings=settings(**changes), device="cpu")
    job = TrainingJob(family, train or training(), Facts(VOCABULARY), Examples(texts), initial, seed, scratch, minutes)
    return transformer.fit(job)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request):
    return fit(random_texts(60), architecture=request.param)[0]


def test_a_model_scores_like_transformers_reading_the_same_folder(model, tmp_path):
    from transformers import AutoModelForCausalLM

    model.save(tmp_path)
    oracle = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    texts = random_texts(7, seed=5)
    expected = []
    for text in texts:
        tokens = torch.tensor([[VOCABULARY.bos, *text]])
        with torch.no_grad():
            logprobs = oracle(tokens).logits.log_softmax(-1)[0, :-1]
        expected.append(-logprobs.gather(1, tokens[0, 1:, None]).sum().item())
    np.testing.assert_allclose(model.score(texts), expected, atol=1e-4)


def test_a_text_scores_the_same_alone_and_packed_with_others(model):
    texts = random_texts(20, seed=6)
    alone = [model.score(texts.take(np.array([index])))[0] for index in range(len(texts))]
    np.testing.assert_allclose(model.score(texts), alone, atol=1e-4)


def test_prompt_and_continuation_add_up_to_the_whole(model):
    text = random_texts(1, seed=7)[0]
    whole = model.score(Sequences.of([text]))[0]
    head, tail = Sequences.of([text[:3]]), Sequences.of([text[3:]])
    np.testing.assert_allclose(model.score(head)[0] + model.score(tail, prompts=head)[0], whole, atol=1e-4)


def test_the_likeliest_continuation_is_that_of_transformers(model, tmp_path):
    from transformers import AutoModelForCausalLM

    model.save(tmp_path)
    oracle = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    prompts = Sequences.of([[5, 6], [7], [], [8, 9, 10], *([number, 3] for number in range(2, 30))])
    found = model.continued(prompts, 6)
    assert found.lengths.min() >= 1 and found.lengths.max() <= 6
    for prompt, text in zip(prompts, found, strict=True):
        given = torch.tensor([[VOCABULARY.bos, *prompt]])
        with torch.no_grad():
            expected = oracle.generate(
                given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=6, pad_token_id=2
            )[0, given.shape[1] :].tolist()
        ends = expected.index(VOCABULARY.eos) + 1 if VOCABULARY.eos in expected else len(expected)
        assert text.tolist() == expected[:ends]


def test_a_saved_model_loads_as_it_was(model, tmp_path):
    texts = random_texts(5, seed=8)
    model.save(tmp_path)
    np.testing.assert_array_equal(transformer.load(tmp_path, "cpu").score(texts), model.score(texts))


@pytest.mark.parametrize("umask", [0o022, 0o027])
def test_weights_may_be_read_by_whoever_may_read_the_files_beside_them(model, tmp_path, umask):
    before = os.umask(umask)
    try:
        names = model.save(tmp_path)
    finally:
        os.umask(before)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names} == {0o666 & ~umask}


def test_training_learns_and_logs_every_step():
    texts = Sequences.of([[5, 6, 7, 8, 1]] * 3000)
    model, log = fit(texts)
    assert log[-1].loss_nats < 0.1 < 3 < log[0].loss_nats
    assert [entry.step for entry in log] == list(range(1, len(log) + 1))
    assert log[-1].seen == texts.n_tokens
    assert model.score(Sequences.of([[5, 6, 7, 8, 1]]))[0] < 0.5


def test_an_interrupted_training_ends_in_the_same_weights(tmp_path, monkeypatch):
    texts = random_texts(120)
    whole, whole_log = fit(texts, scratch=tmp_path / "undisturbed")
    interrupt_after(monkeypatch, steps=5)
    with pytest.raises(KeyboardInterrupt):
        fit(texts, scratch=tmp_path, minutes=0)
    monkeypatch.undo()
    resumed, resumed_log = fit(texts, scratch=tmp_path, minutes=0)
    assert resumed_log == whole_log
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(weight, resumed.network.state_dict()[name]), name


def test_a_damaged_checkpoint_is_not_taken(tmp_path, monkeypatch):
    texts = random_texts(120)
    interrupt_after(monkeypatch, steps=5)
    with pytest.raises(KeyboardInterrupt):
        fit(texts, scratch=tmp_path, minutes=0)
    monkeypatch.undo()
    checkpoint = next(tmp_path.glob("*.pt"))
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    whole, resumed = (fit(texts, scratch=folder, minutes=10)[0].network for folder in (tmp_path / "none", tmp_path))
    assert all(torch.equal(weight, resumed.state_dict()[name]) for name, weight in whole.state_dict().items())


def test_randomness_goes_on_where_the_checkpoint_was(tmp_path):
    torch.manual_seed(3)
    Checkpoints(tmp_path, 0).save(1, {"log": []})
    expected = torch.rand(4)
    torch.manual_seed(99)
    assert Checkpoints(tmp_path, 0).newest() == {"log": []}
    assert torch.equal(torch.rand(4), expected)


def interrupt_after(monkeypatch, steps: int) -> None:
    from collapse.families import training as loop

    done, step = [], loop._step

    def stopping(*arguments):
        if len(done) == steps:
            raise KeyboardInterrupt
        done.append(1)
        return step(*arguments)

    monkeypatch.setattr(loop, "_step", stopping)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    texts = random_texts(20)
    first, again, other = (fit(texts, seed=seed)[0].score(texts) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_training_continues_from_a_folder(model, tmp_path):
    model.save(tmp_path)
    texts = random_texts(60)
    architecture = "gpt2" if isinstance(model.network, transformer.HuggingFaceNetwork) else "llama"
    _, log = fit(texts, initial=tmp_path, architecture=architecture)
    _, fresh_log = fit(texts, architecture=architecture)
    assert log[0].loss_nats < fresh_log[0].loss_nats


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_the_size_is_known_without_building_the_model(architecture):
    built = fit(random_texts(4), architecture=architecture)[0].n_parameters
    assert n_parameters(settings(architecture=architecture), VOCABULARY.size) == built


def test_lora_trains_a_copy_that_loads_without_adapters(tmp_path):
    base = fit(random_texts(20), architecture="gpt2")[0]
    base.save(tmp_path / "base")
    texts = Sequences.of([[5, 6, 7, 8, 1]] * 400)
    tuned, _ = fit(texts, initial=tmp_path / "base", architecture="gpt2", tuning="lora", base_model="x")
    tuned.save(tmp_path / "tuned")
    probe = Sequences.of([[5, 6, 7, 8, 1]])
    assert tuned.score(probe)[0] < base.score(probe)[0]
    np.testing.assert_allclose(transformer.load(tmp_path / "tuned", "cpu").score(probe), tuned.score(probe), atol=1e-5)


def test_the_loop_computes_what_a_bare_pytorch_loop_does():
    """An oracle written out: the same batches, AdamW, clipping and schedule, without Accelerate."""
    texts, schedule = random_texts(60), training()
    _, log = fit(texts, seed=11)
    torch.manual_seed(11)
    network = Llama(settings(), VOCABULARY.size)
    matrices = [weight for weight in network.parameters() if weight.ndim >= 2]
    vectors = [weight for weight in network.parameters() if weight.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99))
    losses = []
    batches = [batch for _, batch in packing.batches(texts, None, VOCABULARY.bos, 32, schedule.batch_size)]
    for number, batch in enumerate(batches):
        inputs, positions, segments, targets = tensors(batch, torch.device("cpu"))
        loss = functional.cross_entropy(network(inputs, positions, segments).flatten(0, 1), targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(number, len(batches), schedule)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    np.testing.assert_allclose([step.loss_nats for step in log], losses, rtol=1e-5)


def test_the_learning_rate_warms_up_to_its_peak_and_ends_at_a_tenth():
    rates = [learning_rate(step, 100, training(learning_rate=1.0)) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[10] == 1.0
    assert rates[-1] == pytest.approx(0.1, abs=0.01)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_a_missing_gpu_is_an_error_and_not_a_slower_run():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(EngineError, match="`gpu` is asked for"):
        transformer.torch_device("gpu")


def test_training_leaves_the_arithmetic_of_the_process_as_it_was():
    fit(random_texts(4))
    assert np.float32(1e-40) * np.float32(1) > 0
