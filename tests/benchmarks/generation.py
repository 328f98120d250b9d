"""Sampling from the from-scratch study's first model: vLLM as the project opens it beside transformers' `generate`.

In steady state, after a warm-up; and with start-up, as a whole `generate` job beside a script that loads and samples.
"""

import resource
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pyarrow.compute as pc
from projects import Project

from benchmarks.contest import Benchmark, Contest, Contestants
from benchmarks.costs import JOB, ONE_THREAD, Cost, Stopwatch, inside_fresh_process, of_command
from benchmarks.workflow_copy import new_copy, plan_of, snakemake
from collapse import engines
from collapse.artifacts import contracts, layout
from collapse.config.specs import REAL
from collapse.experiment import Experiment
from collapse.media import Facts
from collapse.media.text import Vocabulary
from collapse.media.text.sequences import Sequences
from collapse.media.text.tokenizer import Codec
from collapse.questions.drift import Place
from collapse.randomness import row_seeds
from collapse.running import job_shell

SCRIPT = Path(__file__).with_name("plain_generation.py")

STEADY_TEXTS = 768
WARM_TEXTS = 64
STRATEGY = "replace"
ENGINE, GENERATE_JOB = "engine, vLLM", "generate job"
WAYS = {f"{cache} cache, {size} at once": (cache, size) for cache in ("dynamic", "static") for size in (64, 256)}
"""How `generate` may be called."""

STEADY_OTHERS = {f"generate, {name}": way for name, way in WAYS.items()}
SCRIPTS = {f"script, {name}": way for name, way in WAYS.items() if way[0] == "dynamic"}


def through_engine(project: str, seed: int, n_texts: int) -> Cost:
    """The cost, in tokens, of texts that the project's engine samples, their log-probabilities included."""
    plan = plan_of(Path(project))
    codec = Codec.load(Path(project, "results", plan.experiment, "tokenizer"))
    model, vocabulary = Path(project, _model(plan.experiment)), Facts(Vocabulary(codec.size, codec.bos, codec.eos))
    sampler = engines.open_sampler("vllm", "transformer", model.parent, vocabulary, "cpu", sorted(codec.never_written))

    def sample(n: int) -> int:
        seeds = row_seeds(seed, 1, "benchmark", range(n))
        return sampler.sample(Sequences.of([[]] * n), plan.decoding, seeds).outputs.n_tokens

    sample(WARM_TEXTS)
    watch = Stopwatch()
    return watch.cost(sample(n_texts))


def through_generate(model: str, seed: int, n_texts: int, cache: str, batch_size: int) -> Cost:
    """The same with `LlamaForCausalLM.generate`."""
    import torch

    from benchmarks import plain_generation

    network = plain_generation.opened(model)
    torch.manual_seed(seed)
    plain_generation.texts(network, WARM_TEXTS, batch_size, cache)
    watch = Stopwatch()
    return watch.cost(sum(map(len, plain_generation.texts(network, n_texts, batch_size, cache))))


def _model(experiment: str) -> str:
    return layout.model(experiment, REAL, 0, 0)


def with_model(folder: Path, small: bool) -> tuple[Project, Path]:
    """A copy of the workflow that has trained generation 0, and that model's folder."""
    project = new_copy(folder / "project", small)
    model = _model(plan_of(project.folder).experiment)
    snakemake(project, model)
    return project, (project.folder / model).parent


@contextmanager
def prepared_steady(folder: Path, small: bool) -> Iterator[Contestants]:
    """The engine, and `generate` in every way."""
    project, model = with_model(folder, small)
    n_texts = 16 if small else STEADY_TEXTS
    ours = partial(inside_fresh_process, through_engine, JOB, project=str(project.folder), n_texts=n_texts)
    theirs = partial(inside_fresh_process, through_generate, ONE_THREAD, model=str(model), n_texts=n_texts)

    def generate(number: int, cache: str, batch_size: int) -> Cost:
        return theirs(seed=number, cache=cache, batch_size=batch_size)

    others = {name: partial(generate, cache=how[0], batch_size=how[1]) for name, how in STEADY_OTHERS.items()}
    yield {ENGINE: lambda number: ours(seed=number)} | others


@contextmanager
def prepared_with_startup(folder: Path, small: bool) -> Iterator[Contestants]:
    """A job, and a bare script in the best ways."""
    project, model = with_model(folder, small)
    others = {name: partial(_script_cost, model, _n_texts(project), *how) for name, how in SCRIPTS.items()}
    ours = partial(inside_fresh_process, forked_job, ONE_THREAD, project=str(project.folder))
    yield {GENERATE_JOB: lambda number: ours(seed=2 * number)} | others


def _n_texts(project: Project) -> int:
    """As many as the job draws, which is as many as there are real training documents, or a multiple."""
    plan = plan_of(project.folder)
    documents = project.folder / "results" / plan.experiment / "documents.parquet"
    split = contracts.read(documents, contracts.DOCUMENTS, ["split"])["split"]
    return plan.generate_spec(STRATEGY, 2).sets_drawn * pc.sum(pc.equal(split, "train")).as_py()


def _script_cost(model: Path, n_texts: int, cache: str, batch_size: int, number: int) -> Cost:
    printed = model.parent / "printed"
    script = [sys.executable, str(SCRIPT), str(model), str(n_texts), str(batch_size), cache, str(number)]
    cost = of_command(script, model, ONE_THREAD, log=printed)
    return replace(cost, amount=int(printed.read_text().split()[-1]))


def forked_job(project: str, seed: int) -> Cost:
    """The cost, in tokens, of a job as the workflow runs it: forked from a server that has forked one before.

    Raises:
        RuntimeError: The server forked none.
    """
    from collapse.running import fork_server

    folder = Path(project)
    experiment = Experiment(plan_of(folder))
    fork_server.start(job_shell.interpreter(), job_shell.environment(folder / "workflow"), experiment.specs.plugins)
    (server,) = psutil.Process().children()

    def run(number: int) -> Path:
        command, samples = job(experiment, folder, number)
        subprocess.run(["bash", "-c", command], cwd=folder, env=job_shell.environment(folder / "workflow"), check=True)
        return samples

    run(seed + 1)
    if server.cpu_times().children_user == 0:
        raise RuntimeError("the job before the one that is timed was not forked; what it printed says why")
    before, watch = _cpu_seconds(server), Stopwatch()
    samples = run(seed)
    return replace(watch.cost(_n_tokens(samples)), cpu_seconds=_cpu_seconds(server) - before)


def _cpu_seconds(server: psutil.Process) -> float:
    """CPU seconds of the server, of what it has forked, and of the shells and clients that have ended."""
    times, ended = server.cpu_times(), resource.getrusage(resource.RUSAGE_CHILDREN)
    of_server = times.user + times.system + times.children_user + times.children_system
    return of_server + ended.ru_utime + ended.ru_stime


def job(experiment: Experiment, folder: Path, seed: int) -> tuple[str, Path]:
    """The shell command of a job that makes the samples of generation 2 from the model of generation 0; the samples."""
    where = Place(strategy=STRATEGY, seed=str(seed), generation="2")
    arm = layout.arm(experiment.plan.experiment, where.strategy, seed, 2)
    root = f"results/{experiment.plan.experiment}"
    options = {
        "spec": experiment.specs.of("generate")(where),
        "code": experiment.specs.code("generate"),
        "strategy": where.strategy,
        "seed": where.seed,
        "generation": where.generation,
        "model": _model(experiment.plan.experiment),
        "documents": f"{root}/documents.parquet",
        "encoding": experiment.inputs.encoding,
        "samples": f"{arm}/samples.parquet",
        "sampling-record": f"{arm}/sampling_record.json",
    }
    words = " ".join(f"--{name} {shlex.quote(value)}" for name, value in options.items())
    return f"set -euo pipefail; python -m collapse generate {words}", folder / options["samples"]


def _n_tokens(samples: Path) -> int:
    return pc.sum(contracts.read(samples, contracts.SAMPLES, ["n_tokens"])["n_tokens"]).as_py()


UNIT = "times, tokens per CPU second"

CONTESTS = (
    Contest(
        (
            Benchmark(
                name="generation_steady",
                ours=ENGINE,
                others=tuple(STEADY_OTHERS),
                unit=UNIT,
                compared=f"{STEADY_TEXTS} texts of about 62 tokens, 461,440 weights, after a warm-up: vLLM through the "
                "project's engine against LlamaForCausalLM.generate, the fastest of dynamic and static cache, 64 and "
                "256 texts at once",
            ),
        ),
        prepared_steady,
        n_rounds=3,
        minutes=3,
    ),
    Contest(
        (
            Benchmark(
                name="generation_with_startup",
                ours=GENERATE_JOB,
                others=tuple(SCRIPTS),
                unit=UNIT,
                compared="a whole generate job as the run makes it, forked from its warm server, Parquet, provenance "
                "and log-probabilities included, against a bare script that loads the same model and samples as many "
                "texts with generate",
            ),
        ),
        prepared_with_startup,
        n_rounds=3,
        minutes=2,
    ),
)
