"""Benchmarks run stages as their rules do: a stage that is asked otherwise now is asked otherwise here too."""

import importlib
import inspect
import shlex
from pathlib import Path

import numpy as np
import pytest

from benchmarks import filtering, generation, planted, work
from benchmarks.workflow_copy import study
from collapse.command_line import option_parser
from collapse.experiment import Experiment


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return Experiment(study())


@pytest.mark.parametrize(
    ("kind", "stage"), [(kind, stage) for kind, work_done in work.KINDS.items() for stage in work_done.stages]
)
def test_a_stage_that_runs_again_is_given_what_it_takes(experiment, kind, stage):
    function = importlib.import_module(f"collapse.stages.{stage}").run
    given = work.arguments_of(experiment, stage, "replace", 0, Path("elsewhere"))
    inspect.signature(function).bind(**given)  # raises TypeError for one too many, or one too few
    module, _, name = work.KINDS[kind].function.rpartition(".")
    assert callable(getattr(work.named(module), name))


def test_the_job_that_is_timed_is_one_that_the_command_line_takes(experiment):
    command, _ = generation.job(experiment, Path(), 0)
    words = shlex.split(command.partition("; ")[2])[3:]
    assert option_parser(words[:1]).parse_args(words).encoding == Path(experiment.inputs.encoding)


def test_the_stage_that_filters_is_called_as_the_command_line_takes_it(tmp_path):
    given = filtering.words(tmp_path, tmp_path / "verdicts.parquet")
    read = option_parser(given[:1]).parse_args(given)
    assert (read.samples, read.verdicts) == (tmp_path / "samples.parquet", tmp_path / "verdicts.parquet")


def test_what_is_planted_is_what_it_is_said_to_be():
    texts = planted.planted(2_000)
    said, kind = planted.words(texts), texts.kind
    first = {said[row]: row for row in range(1_000)}
    assert len(first) == 1_000 and not kind[:1_000].any()
    assert all(said[row] in first for row in range(2_000) if planted.KINDS[kind[row]] == "copy")
    others = [row for row in range(1_000, 2_000) if planted.KINDS[kind[row]] != "copy"]
    assert not any(said[row] in first for row in others)
    near = [said[row].split() for row in others if planted.KINDS[kind[row]] == "near"]
    known = [text.split() for text in first]
    assert all(min(_exchanged(text, other) for other in known) == 1 for text in near[:20])
    assert {len(said[row].split()) for row in others if planted.KINDS[kind[row]] == "short"} == {planted.SHORT}
    assert np.bincount(kind).tolist() == pytest.approx([1_780, 100, 100, 20], abs=30)


def _exchanged(text: list[str], other: list[str]) -> int:
    """Words in which two texts of one length differ."""
    return sum(one != two for one, two in zip(text, other, strict=True)) if len(text) == len(other) else len(text)
