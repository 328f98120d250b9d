"""The experiment in words, from its settings, and what such an experiment cannot show."""

from dataclasses import dataclass

from scipy import stats

from collapse.config.plan import Plan
from collapse.config.settings import CorpusSettings, RealTextSettings, Strategy
from collapse.config.specs import REAL
from collapse.plain_text import printable
from collapse.plots import wording
from collapse.plots.media import TEXT, WORDS, Words
from collapse.stats.paired import LEAST_SEEDS


@dataclass(frozen=True)
class Fact:
    """One line of the summary of the set-up."""

    name: str
    value: str


def facts(plan: Plan) -> tuple[Fact, ...]:
    """The set-up, in the fewest words."""
    return (
        Fact(f"Real {words_of(plan).real}", _corpus(plan.corpus)),
        Fact("Model", _model(plan)),
        Fact(
            f"{words_of(plan).real.capitalize()} are drawn by" if plan.form.output != "text" else "Text is drawn by",
            _decoding(plan),
        ),
        Fact("Held equal", _budget(plan)),
        Fact("Generations", str(plan.generations)),
        Fact("Seeds", str(len(plan.seeds))),
    )


def words_of(plan: Plan) -> Words:
    """What examples are called."""
    return WORDS[plan.form.output]


def question(plan: Plan) -> str:
    """What the page is about."""
    if plan.strategies:
        does = {
            "text": "learns from real text and writes text of its own",
            "text>text": "learns to answer from real answers, and gives answers of its own",
            "image": "learns from real images and makes images of its own",
            "image>label": "learns to label images from real labels, and gives labels of its own",
        }[plan.form.title]
        return (
            f"A model {does}. The next model learns from a mixture of both, and so on. Strategies differ in what goes "
            "into the mixture."
        )
    return (
        "Sources whose truth is known, and models simple enough to be solved: what theory says about models trained "
        "on what models made, beside what happens when it is done."
    )


def data(plan: Plan) -> str:
    """Where the page's numbers lie."""
    tables = ["metrics.parquet"]
    tables += ["contrasts.parquet", "ancestry.parquet"] if plan.strategies else []
    tables += ["theory.parquet", "points.parquet"] if plan.worlds else []
    tables += ["claims.parquet"] if plan.claims else []
    made = "Texts" if plan.form.output == "text" else f"The {words_of(plan).real}"
    texts = f" {made} come from each arm's samples.parquet." if plan.strategies else ""
    listed = ", ".join(tables[:-1]) + (" and " if tables[1:] else "") + tables[-1]
    return f"Every number comes from {listed} in results/{plan.experiment}/.{texts} Figures lie in figures/ as SVG."


def audited(n_artifacts: int, n_checks: int) -> str:
    """How much was checked before the page was made."""
    return f"Audited before: {n_artifacts:,} artifacts passed all {n_checks:,} checks, which audit.parquet lists."


def recipe(strategy: Strategy, words: Words = TEXT) -> str:
    """What a strategy trains on, in words."""
    weighed = "" if strategy.synthetic_weight is None else f"; samples weigh {strategy.synthetic_weight:g}"
    return _composed(strategy, words) + weighed + _own_training(strategy)


def _own_training(strategy: Strategy) -> str:
    """What its models are trained with, where that is not what everybody's are."""
    own = strategy.training
    if own is None:
        return ""
    changed = [f"{name.replace('_', ' ')} {value:g}" for name, value in own.changes.items()]
    more = [f"{own.budget_times:g} times the budget"] if own.budget_times != 1 else []
    return f"; {', '.join([*more, *changed])}"


def _composed(strategy: Strategy, words: Words) -> str:
    real = f"real {words.real}"
    share = "" if strategy.real_fraction is None else wording.percent(strategy.real_fraction)
    return {
        "real": f"{real}, every generation: the control",
        "replace": "the newest samples only" + (f", {strategy.times} for each real one" if strategy.times > 1 else ""),
        "accumulate": f"{real} and all samples so far; the pool grows",
        "accumulate_subsample": f"a random part, of the real set's size, of {real} and all samples so far",
        "replace_multiple": "the newest samples only, as many as accumulate has",
        "mix": f"{share} {real}, the rest newest samples",
        "preserve": f"the newest samples, and {share} of the {real}",
        "window": f"the newest {strategy.window} generations; {real} {'is' if words is TEXT else 'are'} generation 0",
        "feedback": f"{real}, all samples so far, and new {real}: {share} of the real set each generation",
        "fresh_real": f"the newest samples, and new {real}: {share} of the real set each generation",
    }[strategy.compose]


def limits(plan: Plan) -> tuple[str, ...]:
    """What the results do not show, most important first."""
    found = [_seeds(len(plan.seeds), plan.report.confidence)]
    found.append(
        "The replicate is the seed. Documents of one run share a model, so they are not replicates, and no interval "
        "here is over documents."
    )
    if REAL not in {strategy.name for strategy in plan.strategies}:
        found.append(
            "There is no real-data control, so what retraining alone does to the loss is not told apart from what the "
            "samples do."
        )
    found += [
        f"One corpus: {_corpus(plan.corpus)}. Held-out {_is(words_of(plan))} from the same corpus.",
        f"One model: {_model(plan)}. Larger or pretrained models may behave otherwise.",
        f"One way of drawing {words_of(plan).real}: {_decoding(plan)}. Other settings change what the next model "
        "learns.",
        f"{_generation_count(plan.generations)}: a line that is flat here may rise later, and a rising one may level "
        "off.",
        "Intervals stand for single comparisons and are not adjusted. p-values are adjusted (Holm) over all pairs of "
        "strategies, or over all strategies' changes since generation 0, within one metric at one generation; not over "
        "metrics and generations together.",
    ]
    found += {
        "text": [
            "Loss per token and perplexity compare models with one tokenizer; bits per byte compare across tokenizers."
        ],
        "image": [
            "The loss of an image is a bound, so a difference may be one of the bound. Features are those of a small "
            "classifier fitted to the same source: distances in them compare within this page only."
        ],
        "label": [],
    }[plan.form.output]
    if plan.budget.match == "epochs":
        found.append("Compute is not held equal: strategies with larger training sets train for longer.")
    return tuple(found)


def interval_width(n_seeds: int, confidence: float) -> str:
    """How wide a t-interval of so few seeds is, for a caption; nothing where it is close to the normal one."""
    if not 2 <= n_seeds <= 4:
        return ""
    reach = float(stats.t.ppf((1 + confidence) / 2, n_seeds - 1))
    return (
        f"With {n_seeds} seeds a {wording.percent(confidence)} t-interval reaches {reach:.1f} standard errors to each "
        "side: a wide interval here means few seeds before it means a large spread."
    )


def decision(n_seeds: int, confidence: float) -> str:
    """What is called decided on the page, and why nothing is where seeds are too few."""
    if n_seeds < LEAST_SEEDS:
        return (
            f"{wording.seeds(n_seeds).capitalize()}: nothing is decided. Two can agree by luck, and then a t-test with "
            "one degree of freedom is very sure of it. Add a third seed to the config; what is made already "
            "stays."
        )
    return (
        f"A difference or a change is decided where its p-value, adjusted (Holm), is below {1 - confidence:.2g}, with "
        f"{LEAST_SEEDS} seeds or more; intervals are not adjusted."
    )


def _seeds(n: int, confidence: float) -> str:
    if n == 1:
        return "One seed. Another seed might order the strategies otherwise; nothing here says how likely that is."
    width = interval_width(n, confidence)
    width += " Two seeds decide nothing; a third would." if n < LEAST_SEEDS else ""
    return f"{n} seeds. " + (width or "Intervals say how well the mean over such seeds is known, no more.")


def _generation_count(n: int) -> str:
    return f"{n} generation{'' if n == 1 else 's'}"


def _is(words: Words) -> str:
    return "text is" if words is TEXT else f"{words.real} are"


def _corpus(corpus: CorpusSettings) -> str:
    if corpus.holds == "image" and corpus.examples:
        images = corpus.images
        where = (
            printable(str(images.path or images.dataset)) if corpus.source == "images" and images else "digits of MNIST"
        )
        return f"{where}, {corpus.examples.train:,} images to train on"
    if corpus.source == "arithmetic" and corpus.arithmetic:
        asked = corpus.arithmetic
        what = {"addition": "sums", "gcd": "greatest common divisors"}[asked.task]
        written = f" in base {asked.base}" if asked.base != 10 else ""
        return f"{what} of numbers from 1 to {asked.largest:,}{written}, {asked.examples:,} drawn"
    if corpus.source == "eigenvalues" and corpus.eigenvalues:
        asked, rows = corpus.eigenvalues, corpus.eigenvalues.rows
        matrices = f"symmetric {rows} × {rows} matrices of whole numbers up to {asked.largest:,}"
        written = ", a token each," if asked.n_words else ""
        return f"eigenvalues, to {asked.digits} digits{written} of {matrices}, {asked.examples:,} drawn"
    if corpus.source == "wikipedia":
        return f"Wikipedia's introductions and descriptions, at most {corpus.train_bytes / 1000:,.0f} kB to train on"
    drawn = f"{corpus.grammar.draws:,} draws from a grammar" if corpus.grammar else ""
    source = drawn if corpus.source == "grammar" else _text(corpus)
    return f"{source}, at most {corpus.train_bytes / 1000:,.0f} kB to train on"


def _text(corpus: RealTextSettings) -> str:
    return {
        "sotu": f"State of the Union addresses {_years(corpus)}",
        "huggingface": printable(f"{corpus.huggingface.dataset} ({corpus.huggingface.column})"),
        "file": printable(f"the file {corpus.file.path}"),
    }[corpus.source]


def _years(corpus: RealTextSettings) -> str:
    first, last = corpus.sotu.first_year, corpus.sotu.last_year
    return f"from {first} on" if last is None else f"from {first} to {last}"


def _model(plan: Plan) -> str:
    start = {
        "base": "every generation from the same weights",
        "fresh": "every generation from new random weights",
        "previous": "every generation from the last one's weights",
    }[plan.start]
    if plan.family == "ngram":
        return f"{plan.ngram.order}-gram with absolute discounting {plan.ngram.discount:g}"
    if plan.family == "vae":
        return f"variational autoencoder, {plan.vae.latent} latent numbers, {plan.vae.channels} channels, {start}"
    if plan.family == "classifier":
        kind = {"random_features": "random features, ridge fit", "two_layer": "network of two layers"}
        return f"{kind[plan.classifier.architecture]}, {plan.classifier.width:,} wide, {start}"
    shape = plan.transformer
    if not shape.made_here:
        return f"{shape.base_model}, {shape.tuning} fine-tuning, {start}"
    size = f"{shape.n_layers} layers of width {shape.width}, {plan.tokenizer.vocabulary_size:,} tokens"
    recipe = plan.pretraining
    learned = f", pretrained on {_text(recipe.corpus)} in {recipe.steps:,} steps" if plan.has_base_model else ""
    return f"transformer ({shape.architecture}), {size}{learned}, {start}"


def _decoding(plan: Plan) -> str:
    how = plan.decoding
    if plan.form.output == "label" and how.method == "greedy":
        return "taking the likeliest label"
    if plan.form.output != "text":
        what = (
            "decoding draws from the prior" if plan.form.output == "image" else "drawing from the model's probabilities"
        )
        return f"{what}, at temperature {how.temperature:g}"
    if how.method == "edit":
        return f"real documents, their tokens above probability {how.edit_above:g} drawn anew"
    mark = how.watermark
    left = [f"a watermark of {mark.bias:g} nats on {wording.percent(mark.green_share)} of all tokens"] if mark else []
    left += _begun(plan)
    if how.method != "sample":
        return ", ".join(["greedy" if how.method == "greedy" else f"the best of {how.n_beams} beams", *left])
    neutral = {"top_p": 1, "top_k": 0, "min_p": 0, "repetition_penalty": 1}
    changed = [f"{name} {getattr(how, name):g}" for name, value in neutral.items() if getattr(how, name) != value]
    if how.unseen_types == "forbidden":
        changed.append("only token types of real text")
    return ", ".join([f"sampling at temperature {how.temperature:g}", *(changed or ["no truncation"]), *left])


def _begun(plan: Plan) -> list[str]:
    """What real text the model goes on from, if it does."""
    where = {"real_prefix": "the first", "real_blocks": "every"}.get(plan.prompt.source)
    return [f"after {where} {plan.prompt.n_tokens} tokens of real documents"] if where else []


def _budget(plan: Plan) -> str:
    amount = f"{plan.budget.amount:,.0f}"
    return {
        "documents": f"{amount} {'documents' if plan.form.output == 'text' else words_of(plan).units} trained on",
        "tokens": f"{amount} tokens trained on",
        "steps": f"{amount} optimizer steps",
        "flops": f"{plan.budget.amount:.3g} floating-point operations",
        "epochs": f"{plan.budget.amount:g} pass(es), so compute grows with the set",
    }[plan.budget.match]


def made_with(versions: dict[str, str | None], commit: str | None, is_changed: bool) -> str:
    """Which packages and which commit made the page, in one line.

    Args:
        versions: Installed version of each package; None where it is not installed.
        commit: The commit of the checkout, in hex; None outside one.
        is_changed: Whether its files are others than the commit's.
    """
    packages = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    changed = " with uncommitted changes" if is_changed else ""
    return f"{packages}; commit {commit[:12]}{changed}" if commit else f"{packages}; no commit: this is no checkout"
