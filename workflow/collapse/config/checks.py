"""What a plan's parts must be beside one another: each check says which setting does not fit, and what would."""

import math
import re
from typing import TYPE_CHECKING

from collapse.config.base import repeated
from collapse.config.claims import COMPARED, Selection
from collapse.config.form import Form
from collapse.config.settings import LEAST_VOCABULARY, CorpusSettings, RealTextSettings, Strategy
from collapse.config.specs import BASE_MODEL, REAL
from collapse.config.verifiers import (
    LengthVerifier,
    NoisyOracleVerifier,
    RatingVerifier,
    Verifier,
    refuse_unfit,
    refuse_unrated,
    share_kept,
)

if TYPE_CHECKING:
    from collapse.config.plan import Plan

VLLM_HEAD_WIDTHS = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""Widths of an attention head that vLLM 0.32 has a CPU kernel for; its GPU kernels know these too."""

FAMILY_FORMS = {
    "transformer": ("text", "text>text"),
    "ngram": ("text",),
    "vae": ("image",),
    "classifier": ("image>label",),
}
"""What an example may be, of each family."""

NATIVE = ("ngram", "vae", "classifier")
"""Families that sample themselves."""


def check(plan: "Plan") -> None:
    """Refuse parts that do not fit together, the first that is found.

    Raises:
        ValueError: One does not; the message begins with the setting's name.
    """
    _check_something_runs(plan)
    _check_names(plan)
    _check_form(plan)
    _check_own_training(plan)
    _check_words(plan)
    _check_pools(plan)
    _check_verifiers(plan)
    _check_raters(plan)
    _check_lengths(plan)
    _check_edits(plan)
    _check_pretraining(plan)
    _check_family(plan)
    _check_stopping(plan)
    _check_claims(plan)


def _check_raters(plan: "Plan") -> None:
    if not plan.strategies:
        return
    for key, asked in (("raters", plan.raters), ("evaluation.base_perplexity", plan.evaluation.base_perplexity)):
        if asked and plan.corpus.holds != "text":
            raise ValueError(f"{key}: is about text, and corpus.source: {plan.corpus.source} holds none; leave it out")
    if plan.internals and plan.family != "transformer":
        raise ValueError(f"internals: looks inside transformers, and family is {plan.family}; set it to null")
    if plan.internals and plan.generations < 3:
        raise ValueError(
            f"internals: changes from one generation to the next are compared, and generations is "
            f"{plan.generations}; set it to 3 or more"
        )
    if plan.evaluation.base_perplexity and not plan.has_base_model:
        raise ValueError(
            "evaluation.base_perplexity: needs transformer.base_model and `family: transformer`; set it to false"
        )


def _check_stopping(plan: "Plan") -> None:
    if plan.stopping and not plan.strategies:
        raise ValueError("stopping: there are no `strategies`, so there is no loop to stop; leave it out")
    for name, rule in plan.stopping.items():
        if rule.patience >= plan.generations:
            raise ValueError(
                f"stopping.{name}.patience: is {rule.patience}, and generations is {plan.generations}, so it would "
                "stop nothing before the end; lower it"
            )


def _check_something_runs(plan: "Plan") -> None:
    if not plan.strategies and not plan.worlds:
        raise ValueError("strategies: are empty, and there are no `worlds`, so nothing would run")
    for name, world in plan.worlds.items():
        for key in ("paper", "title", "panels"):
            if not getattr(world, key):
                raise ValueError(f"worlds.{name}.{key}: is required")


def _check_claims(plan: "Plan") -> None:
    for claim_id, claim in plan.claims.items():
        others = {key: getattr(claim, key, None) for key in COMPARED}
        for key, selection in {"select": claim.select, **others}.items():
            if selection is None:
                continue
            where = f"claims.{claim_id}.{key}"
            if selection.world is not None and claim.kind in ("paired_order", "paired_equal"):
                raise ValueError(
                    f"{where}.world: `{claim.kind}` compares seed by seed, which a world's replicates are not; use "
                    "order or ratio"
                )
            if selection.world is None:
                _check_names_loop(plan, where, selection)
            elif selection.world not in plan.worlds:
                known = ", ".join(plan.worlds) or "none"
                raise ValueError(f"{where}.world: `{selection.world}` is not one of `worlds` ({known})")


def _check_names_loop(plan: "Plan", where: str, selection: Selection) -> None:
    names = [strategy.name for strategy in plan.strategies]
    if selection.strategy not in (*names, REAL) or not names:
        known = ", ".join(names) or "none: this experiment has closed-form worlds only"
        raise ValueError(f"{where}.strategy: `{selection.strategy}` is not one of `strategies` ({known})")


def _check_names(plan: "Plan") -> None:
    for kind, values in (
        ("strategies", [strategy.name for strategy in plan.strategies]),
        ("seeds", [str(seed) for seed in plan.seeds]),
    ):
        if twice := sorted(repeated(values)):
            raise ValueError(f"{kind}: {', '.join(twice[:5])} appears more than once; keep each once")
    if any(not 0 <= seed < 2**31 for seed in plan.seeds):
        raise ValueError("seeds: each must be at least 0 and below 2147483648")
    if re.fullmatch(BASE_MODEL.format(recipe="[0-9a-f]{12}"), plan.experiment):
        raise ValueError(
            f"experiment: `{plan.experiment}` is how folders of base models are named; choose another name"
        )


def _check_form(plan: "Plan") -> None:
    """What examples are, and whether the family and the prompts take such."""
    if not plan.strategies:
        return
    corpus, prompt, form = plan.corpus, plan.prompt, plan.form
    if form.title not in FAMILY_FORMS[plan.family]:
        able = ", ".join(name for name, titles in FAMILY_FORMS.items() if form.title in titles)
        raise ValueError(
            f"family: `{plan.family}` does not learn {_in_words(form)}, which is what corpus.source: "
            f"{corpus.source} and prompt.source: {prompt.source} give; use {able or 'another corpus'}"
        )
    if corpus.has_inputs and not prompt.is_input:
        raise ValueError(
            f"prompt.source: is {prompt.source}, but examples of the corpus have inputs; use real_input, or pool"
        )
    if prompt.is_input and form.input is None:
        raise ValueError(
            f"prompt.source: `{prompt.source}` needs examples with inputs, which corpus.source: {corpus.source} "
            "has not; name an `input_column`, or use none or real_prefix"
        )
    if prompt.source == "pool" and not corpus.keeps_reserve:
        key = "corpus.reserve_bytes" if corpus.holds == "text" else "corpus.examples.reserve"
        raise ValueError(f"{key}: is 0, but `prompt.source: pool` asks what is kept there; raise it, or use real_input")
    _check_uses_of_form(plan)


def _check_uses_of_form(plan: "Plan") -> None:
    """Whether the budget, the evaluation and the family's own shape are of such examples."""
    corpus, prompt, form = plan.corpus, plan.prompt, plan.form
    if form.output != "text" and plan.budget.match in ("tokens", "flops"):
        raise ValueError(
            f"budget.match: `{plan.budget.match}` is about text, and a model makes {form.output}s here; use "
            "documents, steps or epochs"
        )
    if plan.evaluation.answers and form.title != "text>text":
        raise ValueError(
            f"evaluation.answers: asks held-out inputs of pairs of texts, and examples are {_in_words(form)} here; "
            "leave it out, or use a corpus of pairs"
        )
    if prompt.in_training and form.output != "text":
        raise ValueError("prompt.in_training: models of this family do not learn their inputs; set it to false")
    if prompt.is_input and form.output == "text" and plan.budget.match == "steps":
        raise ValueError(
            "budget.match: `steps` counts rows of texts without their inputs; use documents, tokens or epochs"
        )
    if plan.family == "vae" and corpus.source == "images" and corpus.images:
        for side in ("height", "width"):
            if (n := getattr(corpus.images, side)) % 4:
                raise ValueError(
                    f"corpus.images.{side}: is {n}, but `family: vae` halves images twice; use a multiple of 4, "
                    f"such as {n // 4 * 4}"
                )


def _check_own_training(plan: "Plan") -> None:
    """Whether what strategies change of the training is there to be changed, and fits the rest."""
    for index, strategy in enumerate(plan.strategies):
        changed = strategy.training.changes if strategy.training else {}
        where = f"strategies[{index}].training"
        if changed and not plan.takes_steps:
            raise ValueError(f"{where}.{next(iter(changed))}: `family: {plan.family}` takes no steps; leave it out")
        found = plan.training.model_copy(update=changed)
        if found.learning_rate * found.weight_decay >= 1:
            raise ValueError(
                f"{where}: weight_decay {found.weight_decay:g} times learning_rate {found.learning_rate:g} must "
                "stay below 1, or a step would turn every weight's sign; lower one"
            )


def _check_words(plan: "Plan") -> None:
    """Whether the tokenizer is that of the corpus, where this brings one."""
    asked = plan.corpus.eigenvalues if plan.corpus.source == "eigenvalues" else None
    if not plan.strategies or asked is None or not asked.n_words:
        return
    if plan.has_base_model:
        raise ValueError(
            f"corpus.eigenvalues.encoding: `{asked.encoding}` has tokens of its own, and a base model brings "
            "others; set transformer.base_model to null, or encoding to digits"
        )
    n_tokens, given = LEAST_VOCABULARY + asked.n_words, plan.tokenizer.vocabulary_size
    if given != n_tokens:
        raise ValueError(
            f"tokenizer.vocabulary_size: is {given}, but corpus.eigenvalues.encoding: {asked.encoding} has "
            f"{n_tokens} tokens, of numbers, bytes and special ones; set it to {n_tokens}"
        )


def _check_pools(plan: "Plan") -> None:
    names = [strategy.name for strategy in plan.strategies]
    for index, strategy in enumerate(plan.strategies):
        for name in strategy.pool:
            where = f"strategies[{index}].pool"
            if name == strategy.name:
                raise ValueError(f"{where}: names `{name}` itself, whose samples are in it anyway; leave it out")
            if name not in names:
                raise ValueError(f"{where}: `{name}` is not one of `strategies` ({', '.join(names)})")
            if _is_twin(strategy, plan.strategy(name)):
                raise ValueError(
                    f"{where}: `{name}` is trained like `{strategy.name}` on the same noise: both are one model; "
                    "give one of them another `stream`"
                )


def _is_twin(one: Strategy, other: Strategy) -> bool:
    """Whether two strategies differ in nothing but their names, and whose samples they name beside their own."""
    alike = {"name": "", "pool": ()}
    return one.model_copy(update=alike) == other.model_copy(update=alike)


def _check_verifiers(plan: "Plan") -> None:
    known = ", ".join(plan.verifiers) or "none"
    for index, strategy in enumerate(plan.strategies):
        for name in strategy.verifiers:
            if name not in plan.verifiers:
                raise ValueError(f"strategies[{index}].verifiers: `{name}` is not defined; `verifiers` defines {known}")
    for strategy in plan.strategies:
        for name in strategy.verifiers:
            _check_verifier(plan, name, strategy)
    for name, verifier in plan.verifiers.items():
        if isinstance(verifier, NoisyOracleVerifier):
            oracle = plan.verifiers.get(verifier.oracle)
            if oracle is None or isinstance(oracle, NoisyOracleVerifier):
                raise ValueError(f"verifiers.{name}.oracle: `{verifier.oracle}` must be a verifier without noise")


def _check_verifier(plan: "Plan", name: str, strategy: Strategy) -> None:
    verifier, longest = plan.verifiers[name], plan.decoding.max_new_tokens
    asks, known = plan.prompt.source != "none", plan.corpus.source == "grammar"
    here = (plan.form, asks, known, plan.decoding.watermark is not None)
    refuse_unfit(name, verifier, *here)
    if isinstance(verifier, NoisyOracleVerifier) and (oracle := plan.verifiers.get(verifier.oracle)):
        refuse_unfit(verifier.oracle, oracle, *here)
        _check_rating(plan, verifier.oracle, oracle)
        _check_read_by_base(plan, verifier.oracle, oracle)
    _check_rating(plan, name, verifier)
    _check_read_by_base(plan, name, verifier)
    if isinstance(verifier, LengthVerifier) and verifier.min_tokens > longest:
        raise ValueError(
            f"verifiers.{name}.min_tokens: is {verifier.min_tokens}, but samples have at most {longest} tokens "
            "(decoding.max_new_tokens), so none would pass; lower it"
        )
    if (share := share_kept(verifier, strategy.oversample)) < 1:
        raise ValueError(
            f"verifiers.{name}.select: leaves `{strategy.name}` {share:.0%} of the samples that its training set "
            f"has room for; draw more by its `oversample`, {math.ceil(strategy.oversample / share)} or more"
        )


def _check_rating(plan: "Plan", name: str, verifier: Verifier) -> None:
    if isinstance(verifier, RatingVerifier):
        refuse_unrated(name, verifier, plan.raters)


def _check_read_by_base(plan: "Plan", name: str, verifier: Verifier) -> None:
    if verifier.reads_base_model and not plan.has_base_model:
        raise ValueError(
            f"verifiers.{name}.by: `base_model` needs transformer.base_model and `family: transformer`; use "
            "generation_0 or checkpoint"
        )


def _check_lengths(plan: "Plan") -> None:
    if plan.family != "transformer" or plan.corpus.holds != "text":
        return
    context = plan.transformer.context_length
    if plan.corpus.max_document_tokens + 1 > context:
        raise ValueError(
            f"corpus.max_document_tokens: {plan.corpus.max_document_tokens} tokens and the start of sequence do "
            f"not fit into transformer.context_length {context}"
        )
    if 1 + plan.prompt.n_tokens + plan.decoding.max_new_tokens > context:
        raise ValueError(
            f"decoding.max_new_tokens: start of sequence, {plan.prompt.n_tokens} prompt tokens and "
            f"{plan.decoding.max_new_tokens} new ones exceed transformer.context_length {context}"
        )
    if plan.prompt.source == "real_blocks":
        blocks = math.ceil((plan.corpus.max_document_tokens - 1) / plan.prompt.n_tokens)
        if 1 + blocks * plan.decoding.max_new_tokens > context:
            raise ValueError(
                f"decoding.max_new_tokens: a document of corpus.max_document_tokens "
                f"{plan.corpus.max_document_tokens} has {blocks} blocks of prompt.n_tokens {plan.prompt.n_tokens}, "
                f"and {plan.decoding.max_new_tokens} new tokens for each exceed transformer.context_length "
                f"{context}; lower it, or cut documents shorter"
            )
    longest, kept = plan.longest_input, plan.corpus.max_input_tokens
    if longest is not None and kept is not None and kept > longest:
        raise ValueError(
            f"corpus.max_input_tokens: is {kept}, but transformer.context_length {context} leaves room for "
            f"{longest} beside decoding.max_new_tokens {plan.decoding.max_new_tokens}; set it to {longest} or less"
        )


def _check_pretraining(plan: "Plan") -> None:
    if not plan.is_pretrained_here:
        return
    base, loop, context = plan.pretraining.corpus, plan.corpus, plan.transformer.context_length
    if base.max_document_tokens + 1 > context:
        raise ValueError(
            f"pretraining.corpus.max_document_tokens: {base.max_document_tokens} tokens and the start of sequence "
            f"do not fit into transformer.context_length {context}"
        )
    if (shared := _shared_text(base, loop)) is not None:
        raise ValueError(
            f"pretraining.corpus: {shared}, so the base model would have read what is held out in `corpus`; "
            "choose other text for one of the two"
        )


def _check_edits(plan: "Plan") -> None:
    """Whether what edits documents is given some, and can."""
    edits = plan.decoding.method == "edit"
    if not plan.strategies or not (edits or plan.prompt.is_edited):
        return
    if edits != plan.prompt.is_edited:
        raise ValueError(
            f"prompt.source: is {plan.prompt.source}, and decoding.method {plan.decoding.method}; `real_document` "
            "and `edit` belong together, or `previous_sample` and `edit`"
        )
    if plan.family != "transformer":
        raise ValueError(f"decoding.method: `edit` needs `family: transformer`, and family is {plan.family}")
    longest, document = plan.decoding.max_new_tokens, plan.corpus.max_document_tokens
    if longest < document:
        raise ValueError(
            f"decoding.max_new_tokens: is {longest}, but an edited document is as long as the real one, up to "
            f"corpus.max_document_tokens {document}; raise it to that"
        )


def _check_family(plan: "Plan") -> None:
    if plan.decoding.min_new_tokens and plan.family != "transformer":
        raise ValueError(
            f"decoding.min_new_tokens: is {plan.decoding.min_new_tokens}, and family is {plan.family}, which ends "
            "its samples where it does; set it to 0"
        )
    if plan.decoding.watermark and plan.family != "transformer":
        raise ValueError(
            f"decoding.watermark: family is {plan.family}, which samples itself and leaves no mark; set it to "
            "null, or use `family: transformer`"
        )
    native = plan.generate.engine == "native"
    if (plan.family in NATIVE) != native:
        raise ValueError(
            f"generate.engine: `{plan.generate.engine}` does not sample from `family: {plan.family}`; "
            f"use {'native' if plan.family in NATIVE else 'vllm or transformers'}"
        )
    if plan.decoding.method == "beam" and plan.generate.engine != "transformers":
        raise ValueError("decoding.method: `beam` needs `generate.engine: transformers`")
    if plan.decoding.method == "beam":
        _check_candidates(plan)
    if plan.family == "ngram" and (plan.decoding.method != "sample" or plan.decoding.repetition_penalty != 1):
        raise ValueError("decoding: `family: ngram` samples only, without repetition penalty")
    if plan.decoding.method != "sample" and plan.prompt.source == "none":
        raise ValueError(
            f"decoding.method: `{plan.decoding.method}` writes one and the same text for every sample when "
            "`prompt.source` is none; use real_prefix"
        )
    if plan.family == "ngram" and (plan.start, plan.budget.match) not in {
        (start, match) for start in ("base", "fresh") for match in ("documents", "tokens", "epochs")
    }:
        raise ValueError("`family: ngram` has no `start: previous`, steps or flops")
    if not plan.takes_steps and (plan.start == "previous" or plan.budget.match == "steps"):
        raise ValueError(f"`family: {plan.family}` is fitted at once here: it has no `start: previous`, and no steps")
    if plan.family == "ngram" and (weighted := [one.name for one in plan.strategies if one.synthetic_weight]):
        raise ValueError(
            f"strategies: `{weighted[0]}` has a `synthetic_weight`, and `family: ngram` counts; use another family"
        )
    _check_heads(plan)
    if plan.has_base_model and plan.start == "fresh":
        raise ValueError("start: `fresh` draws random weights; with transformer.base_model use base or previous")
    if plan.family == "transformer" and plan.budget.match == "flops" and not plan.transformer.made_here:
        raise ValueError("budget.match: `flops` needs a model of a known shape; with this base_model use tokens")


def _check_candidates(plan: "Plan") -> None:
    """Whether a beam search has as many candidates of an input as a strategy chooses from."""
    asked = [(one.oversample, index) for index, one in enumerate(plan.strategies)]
    most, index = max(asked, default=(1, 0))
    if most > plan.decoding.n_beams:
        raise ValueError(
            f"strategies[{index}]: asks for {most} candidates of an input, and a search with decoding.n_beams "
            f"{plan.decoding.n_beams} has so many; raise n_beams, or lower oversample"
        )
    if most > 1 and plan.prompt.source == "real_blocks":
        raise ValueError(
            f"strategies[{index}].oversample: with `method: beam`, all samples of one document's blocks are the "
            "same; set it to 1"
        )


def _check_heads(plan: "Plan") -> None:
    shape, head_width = plan.transformer, plan.transformer.width // plan.transformer.n_heads
    asked = plan.family == "transformer" and shape.made_here and plan.generate.engine == "vllm"
    if asked and head_width not in VLLM_HEAD_WIDTHS:
        raise ValueError(
            f"transformer: width {shape.width} over n_heads {shape.n_heads} is {head_width} a head, but vLLM knows "
            f"{', '.join(map(str, VLLM_HEAD_WIDTHS))}; change either, or use generate.engine: transformers"
        )


def _in_words(form: Form) -> str:
    """What an example is, such as `the labels of images`."""
    return f"{form.output}s of {form.input}s" if form.input else f"{form.output}s"


def _shared_text(base: RealTextSettings, loop: CorpusSettings) -> str | None:
    """What two corpora that are read from the same place share, as far as their settings tell."""
    if base.source != loop.source:
        return None
    match base.source:
        case "sotu":
            first = max(base.sotu.first_year, loop.sotu.first_year)
            last = min(base.sotu.last_year or math.inf, loop.sotu.last_year or math.inf)
            return f"its addresses and those of `corpus` share the years from {first} on" if first <= last else None
        case "file":
            return f"it is the same file, {base.file.path}" if base.file.path == loop.file.path else None
        case "huggingface":
            place = ("dataset", "subset", "revision", "split")
            same = all(getattr(base.huggingface, key) == getattr(loop.huggingface, key) for key in place)
            return f"it is the same split of {base.huggingface.dataset}" if same else None
