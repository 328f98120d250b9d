"""Benchmarks run stages as their rules do: a stage that is asked otherwise now is asked otherwise here too."""

import importlib
import inspect
import shlex
from pathlib import Path

import pytest

from benchmarks import generation, work
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
