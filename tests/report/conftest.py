"""A small experiment with made-up numbers, written through the contracts and carried through to the report."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tables
import yaml

from collapse.artifacts import contracts, layout
from collapse.artifacts.contracts import AUDIT, DOCUMENTS, METRICS, MIXTURE, REFERENCES, SAMPLES, Record
from collapse.config.plan import Plan, load_plan
from collapse.metrics import Measurement, table
from collapse.stages import collect, contrast, figure, report

FIGURES = ("test_loss", "diversity", "contrasts", "ancestry")
HOSTILE = (
    '<script>alert("x")</script><img src=https://example.org/x.png> & \x00\x1b[31m \u202ereversed\r\n</td></table>'
)
POOL = {"accumulate": 3}
"""Thousands of examples that a strategy may train on."""
RISE = {"real": 0.0, "replace": 0.2, "accumulate": 0.05}


@dataclass(frozen=True)
class Study:
    """Where a made-up experiment lies."""

    plan: Plan
    folder: Path

    def arms(self, generations):
        return [arm for arm in layout.arms(self.plan.collect_spec()) if arm[2] in generations]

    def arm(self, strategy, seed, generation) -> Path:
        return self.folder.parents[1] / layout.arm(self.plan.experiment, strategy, seed, generation)

    def sampled(self, name):
        """One artifact of every arm with samples: generation 1 lies under `real`."""
        shared = [("real", seed, 1) for seed in self.plan.seeds]
        return [self.arm(*arm) / name for arm in [*shared, *self.arms(range(2, 99))]]

    def report(self, path: Path) -> str:
        """Draw the figures and write the report, from what lies in the folder."""
        inputs = {name: self.folder / f"{name}.parquet" for name in ("metrics", "contrasts", "ancestry")}
        references = self.folder / "references.parquet"
        drawn = {name: path.parent / f"{name}.svg" for name in FIGURES}
        record = Record(code="0" * 16, inputs={"metrics.parquet": "ab" * 32})
        figure.run(
            spec=self.plan.compare_spec(),
            **inputs,
            references=references,
            test_loss=drawn["test_loss"],
            diversity=drawn["diversity"],
            contrast_figure=drawn["contrasts"],
            ancestry_figure=drawn["ancestry"],
            record=record,
        )
        report.run(
            spec=self.plan.report_spec(),
            **inputs,
            theory=self.folder / "theory.parquet",
            claims=[],
            documents=[self.folder / "documents.parquet"],
            references=[references],
            held_out=[],
            neuron_counts=[],
            stopping=[],
            figures=list(drawn.values()),
            world_figures=[],
            audit=self.folder / "audit.parquet",
            report=path,
            record=record,
        )
        return path.read_text()


def plan_of(seeds, strategies=tuple(RISE), generations=3) -> Plan:
    config = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
    overridden = {
        "experiment": "made-up",
        "generations": generations,
        "seeds": list(seeds),
        "strategies": [{"name": name, "compose": name} for name in strategies],
    }
    return load_plan(config | overridden, "config.yaml")


def write_study(root: Path, seeds, strategies=tuple(RISE)) -> Study:
    study = Study(plan_of(seeds, strategies), root / "results" / "made-up")
    for strategy, seed, generation in study.arms(range(99)):
        write_arm(study, strategy, seed, generation)
    for path in study.sampled("samples.parquet"):
        strategy, seed, generation = (part.split("=")[1] for part in path.parts[-4:-1])
        write_samples(path.parent, strategy, int(seed), int(generation))
    write_documents(study)
    tables = {name: study.folder / f"{name}.parquet" for name in ("metrics", "ancestry", "theory", "points")}
    collect.run(spec=study.plan.collect_spec(), **tables, record=Record())
    contrasts = study.folder / "contrasts.parquet"
    contrast.run(spec=study.plan.compare_spec(), metrics=tables["metrics"], contrasts=contrasts, record=Record())
    write_references(study)
    found = {"artifact": "metrics.parquet", "check": "key", "passed": True, "detail": "nothing repeats"}
    contracts.write(study.folder / "audit.parquet", AUDIT, pa.Table.from_pylist([found], AUDIT.schema), Record())
    return study


def write_references(study: Study) -> None:
    """Levels of which the first is far above the lines, the second among them."""
    rows = [
        {
            "model": model,
            "n_order": order,
            "test_loss": level,
            "standard_error": 0.1,
            "bits_per_byte": level / 3,
            "n_training_tokens": 1000,
            "knows_pretraining_text": True,
        }
        for model, order, level in (("bigram", 2, 99.0), ("trigram", 3, 4.5))
    ]
    contracts.write(
        study.folder / "references.parquet", REFERENCES, pa.Table.from_pylist(rows, REFERENCES.schema), Record()
    )


def write_arm(study: Study, strategy: str, seed: int, generation: int) -> None:
    # Seeds differ by little, so that two of them decide what rose; the control moves by less than that.
    wander = 0.01 * np.random.default_rng([seed, generation, len(strategy)]).standard_normal()
    loss = 4 + 0.1 * seed + RISE[strategy] * generation + wander
    measured = [
        Measurement("test_loss", "real_test", loss, 10),
        Measurement("perplexity", "real_test", float(np.exp(loss)), 10),
        Measurement("bits_per_byte", "real_test", loss / 3, 10),
        Measurement("distinct_2", "samples" if generation else "real_train", 0.9 - 0.1 * generation, 100),
        Measurement("real_token_share", "mixture", float(generation == 0), 100),
        Measurement("n_pool_examples", "mixture", 1000.0 * POOL.get(strategy, 1), 100),
        Measurement("pool_passes", "mixture", 1.6 / POOL.get(strategy, 1), 100),
        Measurement("n_steps", "mixture", 320.0 + seed, 100),
        Measurement("unseen_type_mass", "samples" if generation else "real_train", 0.01 * generation, 100),
    ]
    rows = table(measured, "made-up", strategy, seed, generation)
    contracts.write(study.arm(strategy, seed, generation) / "metrics.parquet", METRICS, rows, Record())
    origins = {"real": [0], "replace": [generation], "accumulate": list(range(generation + 1))}[strategy]
    examples = [
        {
            "strategy": strategy,
            "seed": seed,
            "generation": generation,
            "position": position,
            "example_id": f"{origin}.{position}",
            "origin": "synthetic" if origin else "real",
            "origin_generation": origin,
            "source": "documents.parquet",
            "repeat": 0,
            "weight": 1.0,
            "n_tokens": 10,
            "n_real_tokens": 0 if origin else 10,
            "n_pool": len(origins),
        }
        for position, origin in enumerate(origins)
    ]
    path = study.arm(strategy, seed, generation) / "mixture.parquet"
    contracts.write(path, MIXTURE, pa.Table.from_pylist(examples, MIXTURE.schema), Record())


def write_samples(folder: Path, strategy: str, seed: int, generation: int) -> None:
    texts = [HOSTILE if (strategy, generation) == ("replace", 2) else f"{strategy} text {generation}", ""]
    rows = [
        tables.sample(
            strategy, generation, draw, [1, 2], seed=seed, text=text, finish_reason="length" if draw else "stop"
        )
        for draw, text in enumerate(texts)
    ]
    tables.write(folder / "samples.parquet", SAMPLES, rows)
    facts = {
        "strategy": strategy,
        "seed": seed,
        "generation": generation,
        "engine": "vllm",
        "decoding": {"method": "sample", "temperature": 1.0, "top_k": 0, "watermark": {"bias": 1.5}},
        "prompt": {"source": "none", "n_tokens": 0, "in_training": False},
        "n_samples": 2,
        "n_stopped": 1,
        "n_truncated": 1,
        "n_empty": 1,
        "n_duplicates": 0,
        "mean_tokens": 2.0,
        "warnings": ["1 of 2 are <empty>"] if strategy == "replace" else [],
    }
    (folder / "sampling_record.json").write_text(json.dumps(facts))


def write_documents(study: Study) -> None:
    rows = [
        tables.document(f"{index:032x}", [1], split, text=f"A real document, {split}.", n_bytes=20)
        for index, split in enumerate(("train", "test"))
    ]
    tables.write(study.folder / "documents.parquet", DOCUMENTS, rows)


@pytest.fixture(scope="session")
def two_seeds(tmp_path_factory) -> Study:
    return write_study(tmp_path_factory.mktemp("two"), seeds=(0, 1))


@pytest.fixture(scope="session")
def three_seeds(tmp_path_factory) -> Study:
    return write_study(tmp_path_factory.mktemp("three"), seeds=(0, 1, 2))


@pytest.fixture(scope="session")
def three_seeds_page(three_seeds, tmp_path_factory) -> str:
    return three_seeds.report(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def one_seed(tmp_path_factory) -> Study:
    return write_study(tmp_path_factory.mktemp("one"), seeds=(3,), strategies=("replace", "accumulate"))


@pytest.fixture(scope="session")
def page(two_seeds, tmp_path_factory) -> str:
    return two_seeds.report(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def one_seed_page(one_seed, tmp_path_factory) -> str:
    return one_seed.report(tmp_path_factory.mktemp("page") / "report.html")
