"""The engines against the model's own forward pass and against each other."""

import shutil
from types import SimpleNamespace

import numpy as np
import odd_models
import pytest
import torch
from scipy import stats
from transformers import AutoModelForCausalLM
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import BatchUpdate, MoveDirectionality

from collapse.config.settings import DecodingSettings, TrainingSettings, TransformerSettings, WatermarkSettings
from collapse.config.specs import FamilySpec
from collapse.engines import by_beams, open_sampler
from collapse.engines.vllm_engine import Marking
from collapse.errors import ContractError, EngineError
from collapse.families import TrainingJob, transformer
from collapse.media import Examples, Facts
from collapse.media.text import Vocabulary
from collapse.media.text.sequences import Sequences
from collapse.randomness import row_seeds
from collapse.watermark import counted, is_green

ENGINES = ("vllm", "transformers")
VOCABULARY = Vocabulary(size=96, bos=0, eos=1)
NEVER = [0, 11, 17]
"""Tokens that the samplers may not draw: the start, and two that the model gives much to."""
MARK = {"green_share": 0.5, "bias": 2.0, "key": 42}
ANCESTRAL = {
    "method": "sample",
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "n_beams": 1,
    "max_new_tokens": 40,
    "unseen_types": "allowed",
}


def decoding(**changes) -> DecodingSettings:
    return DecodingSettings(**(ANCESTRAL | changes))


def settings() -> TransformerSettings:
    return TransformerSettings(
        base_model=None,
        revision=None,
        architecture="llama",
        n_layers=2,
        n_heads=2,
        width=64,
        context_length=48,
        tuning="full",
        lora_rank=1,
        precision="float32",
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_that_are_not_whole_are_refused_before_an_engine_opens_them(folder, tmp_path, engine):
    damaged = shutil.copytree(folder, tmp_path / "model")
    odd_models.weights(odd_models.one_value("model.norm.weight", np.nan))(damaged)
    with pytest.raises(ContractError, match=r"1 of the 64 values of model.norm.weight are not finite"):
        open_sampler(engine, "transformer", damaged, Facts(VOCABULARY), "cpu", NEVER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that has learnt something: ascending runs of tokens with a random end."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(6000):
        start, length = rng.integers(2, 60), rng.geometric(0.15)
        rows.append([*range(start, start + min(length, 30)), 1])
    training = TrainingSettings(
        batch_size=8,
        learning_rate=3e-3,
        schedule="cosine",
        warmup_fraction=0.1,
        weight_decay=0.1,
        gradient_clip=1.0,
    )
    path = tmp_path_factory.mktemp("model")
    family = FamilySpec(name="transformer", settings=settings(), device="cpu")
    model, _ = transformer.fit(
        TrainingJob(family, training, Facts(VOCABULARY), Examples(Sequences.of(rows)), None, 0, path / "scratch", 10)
    )
    model.save(path)
    return path


@pytest.fixture(scope="module")
def samplers(folder):
    """The model opened by each engine, once: vLLM takes long to start."""
    return {engine: open_sampler(engine, "transformer", folder, Facts(VOCABULARY), "cpu", NEVER) for engine in ENGINES}


@pytest.fixture(scope="module", params=ENGINES)
def sampler(request, samplers):
    return samplers[request.param]


@pytest.fixture(scope="module")
def unprompted():
    return Sequences.of([[]] * 300)


@pytest.fixture(scope="module")
def draws(sampler, unprompted):
    return sampler.sample(unprompted, decoding(), row_seeds(0, 1, "generate", range(300)))


def test_log_probabilities_agree_with_the_models_own_forward_pass(draws, folder):
    expected = -transformer.load(folder, "cpu").score(draws.outputs)
    np.testing.assert_allclose(draws.logprob_nats, expected, atol=1e-3)


@pytest.mark.parametrize("changes", [{}, {"method": "greedy"}, {"top_k": 3, "temperature": 2.0}, {"min_p": 0.1}])
def test_what_may_not_be_drawn_is_not_drawn_however_likely(sampler, folder, changes):
    prompts = Sequences.of([[9, 10], [15, 16]] * 20)
    asked = Sequences.of([[token] for token in (11, 17)])
    likely = -transformer.load(folder, "cpu").score(asked, prompts.take(np.array([0, 1])))
    assert np.exp(likely).min() > 0.5, "the model would write just these"
    written = sampler.sample(prompts, decoding(**changes), row_seeds(1, 1, "generate", range(40)))
    assert not set(written.outputs.values.tolist()) & set(NEVER)
    scored = -transformer.load(folder, "cpu").score(written.outputs, prompts)
    np.testing.assert_allclose(written.logprob_nats, scored, atol=1e-3)  # under the model itself, before the ban


def test_beams_keep_to_it_too(samplers):
    prompts, seeds = Sequences.of([[9, 10], [15, 16]]), row_seeds(0, 1, "generate", range(2))
    beams = samplers["transformers"].sample(prompts, decoding(method="beam", n_beams=4), seeds)
    assert not set(beams.outputs.values.tolist()) & set(NEVER)


def test_a_document_ends_with_its_end_token_or_is_cut_at_the_limit(draws):
    for tokens, stopped in zip(draws.outputs, draws.stopped, strict=True):
        assert (tokens[-1] == VOCABULARY.eos) == stopped
        assert stopped or len(tokens) == 40
        assert VOCABULARY.eos not in tokens[:-1]


def test_no_sample_ends_before_it_may(sampler, unprompted):
    written = sampler.sample(
        unprompted.take(np.arange(40)), decoding(min_new_tokens=12), row_seeds(0, 1, "generate", range(40))
    )
    assert written.outputs.lengths.min() >= 12
    assert (
        sampler.sample(
            unprompted.take(np.arange(40)), decoding(), row_seeds(0, 1, "generate", range(40))
        ).outputs.lengths.min()
        < 12
    )


def test_samples_follow_the_models_own_distribution(draws, folder):
    """The mean surprise of ancestral samples is the entropy, whichever engine draws; first tokens match exactly."""
    firsts = np.bincount([tokens[0] for tokens in draws.outputs], minlength=VOCABULARY.size)
    singles = Sequences.of([[token] for token in range(VOCABULARY.size)])
    expected = np.exp(-transformer.load(folder, "cpu").score(singles)) * len(draws.outputs)
    expected[NEVER] = 0
    common = expected >= 5
    observed_table = [*firsts[common], firsts[~common].sum()]
    expected_table = [*expected[common], expected[~common].sum()]
    assert (
        stats.chisquare(observed_table, np.array(expected_table) * sum(observed_table) / sum(expected_table)).pvalue
        > 1e-3
    )


def test_rows_do_not_depend_on_their_neighbours(sampler, draws, unprompted):
    rows = np.array([7, 130, 299])
    alone = sampler.sample(unprompted.take(rows), decoding(), row_seeds(0, 1, "generate", range(300))[rows])
    for row, tokens in zip(rows, alone.outputs, strict=True):
        np.testing.assert_array_equal(tokens, draws.outputs[row])


def test_rows_differ_from_one_another(draws):
    assert len({tuple(tokens) for tokens in draws.outputs}) > 150


def test_prompts_are_continued_and_not_repeated(sampler):
    prompts = Sequences.of([[10, 11, 12], [20, 21], [30, 31, 32, 33]] * 30)
    written = sampler.sample(prompts, decoding(), row_seeds(0, 1, "generate", range(90)))
    nexts = [tokens[0] for tokens in written.outputs]
    continued = sum(token == prompt[-1] + 1 for token, prompt in zip(nexts, prompts, strict=True))
    assert continued > 45, "the model learnt to count upwards; one in 95 would be chance"


def test_top_k_one_is_greedy(sampler):
    prompts, seeds = Sequences.of([[10, 11], [20, 21]]), row_seeds(0, 1, "generate", range(2))
    narrow = sampler.sample(prompts, decoding(top_k=1), seeds)
    greedy = sampler.sample(prompts, decoding(method="greedy"), seeds)
    assert [list(tokens) for tokens in narrow.outputs] == [list(tokens) for tokens in greedy.outputs]


def test_a_repetition_penalty_weakens_the_logits_of_all_that_was_there_before(sampler, folder):
    """Against the model's raw logits: positive ones are divided by the penalty, negative ones multiplied."""
    penalty, rows = 5.0, [[n + 1, n] for n in range(10, 30)]
    written = sampler.sample(
        Sequences.of(rows),
        decoding(method="greedy", repetition_penalty=penalty),
        row_seeds(0, 1, "generate", range(20)),
    )
    seen = torch.tensor([[VOCABULARY.bos, *row] for row in rows])
    with torch.inference_mode():
        logits = AutoModelForCausalLM.from_pretrained(folder)(input_ids=seen).logits[:, -1].double()
    values = logits.gather(1, seen)
    penalised = logits.scatter(1, seen, torch.where(values > 0, values / penalty, values * penalty))
    penalised[:, NEVER] = -torch.inf
    firsts = [int(tokens[0]) for tokens in written.outputs]
    assert firsts == penalised.argmax(dim=1).tolist()
    assert (penalised.argmax(dim=1) != logits.argmax(dim=1)).sum() > 10


def test_both_engines_write_the_same_lengths_and_surprises(samplers, unprompted):
    seeds = row_seeds(5, 1, "generate", range(300))
    both = [samplers[engine].sample(unprompted, decoding(), seeds) for engine in ENGINES]
    assert stats.ks_2samp(*(draws.outputs.lengths for draws in both)).pvalue > 1e-3
    assert stats.ks_2samp(*(draws.logprob_nats for draws in both)).pvalue > 1e-3


def test_candidates_of_one_search_are_its_likeliest_texts_best_first(samplers, folder):
    """Two tokens, and as many beams as there are tokens: the search is exact, so every pair can be counted up."""
    prompts = Sequences.of([[5, 6], [40, 41], [5, 6], [5, 6]])
    how = decoding(method="beam", n_beams=96, max_new_tokens=2, min_new_tokens=2)
    asked = by_beams(prompts, ["one", "other", "one", "one"], how.n_beams)
    drawn = samplers["transformers"].sample(asked, how, np.arange(4))
    network = AutoModelForCausalLM.from_pretrained(folder)
    for prompt, rows in (([5, 6], [0, 2, 3]), ([40, 41], [1])):
        likely = dict[tuple[int, int], float]()
        with torch.no_grad():
            first = network(torch.tensor([[0, *prompt]])).logits[0, -1].log_softmax(-1)
            starts = torch.tensor([[0, *prompt, token] for token in range(96)])
            then = network(starts).logits[:, -1].log_softmax(-1)
        for one in set(range(96)) - {*NEVER, 1}:
            likely |= {(one, two): float(first[one] + then[one, two]) for two in set(range(96)) - {*NEVER, 1}}
        best = sorted(likely, key=lambda pair: -likely[pair])[: len(rows)]
        assert [tuple(drawn.outputs[row].tolist()) for row in rows] == best
        np.testing.assert_allclose(drawn.logprob_nats[rows], [likely[pair] for pair in best], atol=1e-4)
    again = samplers["transformers"].sample(asked.take(np.array([3, 1])), how, np.arange(2))
    assert [row.tolist() for row in again.outputs] == [drawn.outputs[row].tolist() for row in (3, 1)]


def test_beams_find_a_text_at_least_as_probable_as_greedy(samplers):
    sampler = samplers["transformers"]
    prompts, seeds = Sequences.of([[10, 11], [20, 21], [40]]), row_seeds(0, 1, "generate", range(3))
    greedy = sampler.sample(prompts, decoding(method="greedy"), seeds)
    beams = sampler.sample(prompts, decoding(method="beam", n_beams=5), seeds)
    per_token = [draws.logprob_nats / draws.outputs.lengths for draws in (greedy, beams)]
    assert per_token[1].mean() >= per_token[0].mean() - 1e-6


def test_edits_of_documents_follow_the_models_own_forward_pass(sampler, folder):
    """Both engines read the same, so with one seed they write the same; a document may fill the context."""
    documents = Sequences.of([[*range(5, 30), 1], [1], [40, 3, 41, 42, 77, 1], [*range(10, 10 + 46), 1]])
    how = decoding(method="edit", edit_above=0.5, top_k=4, max_new_tokens=47)
    draws = sampler.sample(documents, how, np.arange(4))
    network = AutoModelForCausalLM.from_pretrained(folder).eval()
    for row, (before, after) in enumerate(zip(documents, draws.outputs, strict=True)):
        with torch.no_grad():
            told = network(torch.tensor([[0, *before[:-1].tolist()]])).logits[0].log_softmax(-1).numpy()
        own = told[np.arange(len(before)), before]
        stays = (own < np.log(0.5)) | (before == 1)
        assert (after[stays] == before[stays]).all() and after[-1] == 1
        best = np.argsort(-told, axis=1)[:, :4]
        assert all(token in places for token, places in zip(after[~stays], best[~stays], strict=True))
        assert not set(after[~stays].tolist()) & {*NEVER, 1}
        assert draws.logprob_nats[row] == pytest.approx(told[np.arange(len(after)), after].sum(), abs=1e-3)
    assert draws.outputs[0].tolist() != documents[0].tolist()


def test_engines_edit_alike(samplers):
    documents = Sequences.of([[*range(5 + row, 30 + row), 1] for row in range(8)])
    how = decoding(method="edit", edit_above=0.5, top_k=4, max_new_tokens=47)
    one, other = (samplers[engine].sample(documents, how, np.arange(8)) for engine in ENGINES)
    assert [row.tolist() for row in one.outputs] == [row.tolist() for row in other.outputs]


# --- a watermark ------------------------------------------------------------------------------------------------------


def marked(**changes) -> DecodingSettings:
    return decoding(watermark=MARK | changes)


def green(before: int, tokens: np.ndarray, **changes) -> np.ndarray:
    return is_green(WatermarkSettings(**MARK | changes), np.array([before]), tokens)


@pytest.fixture(scope="module")
def mixed_prompts():
    """More rows than vLLM takes at once, of which short ones make room for later ones all the time."""
    return Sequences.of([[10 + row % 40, 11 + row % 40][: row % 3] for row in range(400)])


def test_every_row_is_marked_by_its_own_token_before_while_others_come_and_go(sampler, mixed_prompts):
    """With a bias that leaves the model no choice, one token after another row's would show."""
    written = sampler.sample(mixed_prompts, marked(bias=60.0), row_seeds(2, 1, "generate", range(400)))
    assert written.outputs.lengths.min() < 4 and written.outputs.lengths.max() == 40
    found = counted(WatermarkSettings(**MARK), written.outputs, mixed_prompts, VOCABULARY.bos)
    assert (found.greens == found.pairs).all()
    assert not set(written.outputs.values.tolist()) & set(NEVER)


def test_marked_samples_are_told_from_others(sampler, draws, unprompted):
    """The model counts upwards and has little choice, so that it takes a strong bias."""
    written = sampler.sample(unprompted, marked(bias=6.0), row_seeds(0, 1, "generate", range(300)))
    z = [counted(WatermarkSettings(**MARK), one.outputs, None, VOCABULARY.bos).z for one in (written, draws)]
    assert z[0].mean() > z[1].mean() + 1
    assert stats.mannwhitneyu(z[0], z[1], alternative="greater").pvalue < 1e-9


def test_a_watermark_without_bias_changes_no_text(sampler, draws, unprompted):
    written = sampler.sample(
        unprompted.take(np.arange(60)), marked(bias=0.0), row_seeds(0, 1, "generate", range(300))[:60]
    )
    assert [list(tokens) for tokens in written.outputs] == [list(draws.outputs[row]) for row in range(60)]


def test_the_bias_shifts_probabilities_by_its_exponential_before_the_temperature(sampler, folder):
    """p(token) ∝ (q(token) exp(δ) if it is green)^(1/τ), of first tokens; log-probabilities stay the model's, log q."""
    rows, temperature = 1_000, 2.0
    how = decoding(watermark=MARK, temperature=temperature, max_new_tokens=1)
    written = sampler.sample(Sequences.of([[]] * rows), how, row_seeds(3, 1, "generate", range(rows)))
    singles = Sequences.of([[token] for token in range(VOCABULARY.size)])
    log_q = -transformer.load(folder, "cpu").score(singles)
    shifted = np.exp((log_q + MARK["bias"] * green(VOCABULARY.bos, np.arange(VOCABULARY.size))) / temperature)
    shifted[NEVER] = 0
    expected = rows * shifted / shifted.sum()
    observed = np.bincount([tokens[0] for tokens in written.outputs], minlength=VOCABULARY.size)
    common = expected >= 5
    tables = [np.array([*table[common], table[~common].sum()]) for table in (observed, expected)]
    assert stats.chisquare(tables[0], tables[1] * tables[0].sum() / tables[1].sum()).pvalue > 1e-3
    np.testing.assert_allclose(written.logprob_nats, log_q[[tokens[0] for tokens in written.outputs]], atol=1e-3)


def test_greedy_takes_the_largest_logit_with_its_bias_and_no_marked_sample_ends_too_early(sampler, folder):
    rows = [[n, n + 1] for n in range(5, 45)]
    how = decoding(method="greedy", watermark=MARK | {"bias": 6.0}, min_new_tokens=6)
    written = sampler.sample(Sequences.of(rows), how, row_seeds(0, 1, "generate", range(40)))
    with torch.inference_mode():
        given = torch.tensor([[VOCABULARY.bos, *row] for row in rows])
        logits = AutoModelForCausalLM.from_pretrained(folder)(input_ids=given).logits[:, -1].double().numpy()
    lists = np.array([green(row[-1], np.arange(VOCABULARY.size)) for row in rows])
    banned = np.zeros(VOCABULARY.size)
    banned[[*NEVER, VOCABULARY.eos]] = -np.inf
    chosen = (logits + 6.0 * lists + banned).argmax(axis=1)
    assert [int(tokens[0]) for tokens in written.outputs] == chosen.tolist()
    assert (chosen != (logits + banned).argmax(axis=1)).sum() > 5
    assert written.outputs.lengths.min() >= 6


def parameters(**changes) -> SamplingParams:
    return SamplingParams(extra_args={"watermark": MARK | changes})


def test_both_interfaces_of_vllm_follow_rows_that_leave_and_change_places():
    """By hand: rows 0 to 3, of which 1 leaves, 3 takes its place, and 4, without a watermark, comes to where 3 was."""
    written, prompts = [[], [7], [8, 9], []], [[0, 5], [0], [0], [0, 6]]
    older = Marking()
    older.update_state(BatchUpdate(4, [], [(row, parameters(), prompts[row], written[row]) for row in range(4)], []))
    written[0].append(12)
    older.update_state(BatchUpdate(3, [1], [], [(3, 1, MoveDirectionality.UNIDIRECTIONAL)]))
    older.update_state(BatchUpdate(4, [], [(3, SamplingParams(), [0], [4])], []))
    newer = Marking()
    slots = np.array([6, 2, 9, 0])
    assert [newer.add_request(slot, parameters()) for slot in (2, 6, 9, 0)] == [True] * 4
    assert not newer.add_request(0, SamplingParams())
    context = SimpleNamespace(idx_mapping_np=slots, input_ids=torch.tensor([12, 6, 9, 4], dtype=torch.int32))
    expected = np.zeros((4, VOCABULARY.size))
    for row, before in enumerate((12, 6, 9)):
        expected[row] = MARK["bias"] * green(before, np.arange(VOCABULARY.size))
    for found in (older.apply(torch.zeros(4, 96)), newer.apply(torch.zeros(4, 96), context)):
        np.testing.assert_array_equal(found.numpy(), expected)


def test_rows_of_different_watermarks_keep_to_their_own():
    both = Marking()
    rows = [(0, parameters(key=1), [3], []), (1, parameters(key=2, bias=1.0), [3], [])]
    both.update_state(BatchUpdate(2, [], rows, []))
    found = both.apply(torch.zeros(2, 96)).numpy()
    np.testing.assert_array_equal(found[0], MARK["bias"] * green(3, np.arange(96), key=1))
    np.testing.assert_array_equal(found[1], green(3, np.arange(96), key=2))


def test_a_token_that_is_not_known_yet_marks_nothing_wrongly():
    waiting = Marking()
    waiting.update_state(BatchUpdate(1, [], [(0, parameters(), [0], [4, -1])], []))
    with pytest.raises(EngineError, match="before it has said its last one"):
        waiting.apply(torch.zeros(1, 96))
