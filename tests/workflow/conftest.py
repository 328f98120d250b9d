"""What the workflow says of a config, asked without starting a Snakemake."""

from collections.abc import Callable

import pytest
import yaml
from projects import ROOT, TINY

from collapse.config import load_plan
from collapse.errors import CollapseError
from collapse.experiment import Experiment
from collapse.questions.drift import merged


@pytest.fixture
def planned(tmp_path, monkeypatch) -> Callable[..., Experiment]:
    """Check the tiny experiment with some settings changed, as `workflow/rules/common.smk` does."""
    monkeypatch.chdir(ROOT)

    def check(**changes: object) -> Experiment:
        path = tmp_path / "experiment.yaml"
        path.write_text(yaml.safe_dump(TINY | changes))
        experiment = Experiment(load_plan(merged([path]), str(path)))
        experiment.start.check_claims()
        experiment.start.check_sources()
        experiment.start.check_machine(jobs_run_here=True)
        return experiment

    return check


@pytest.fixture
def refusal(planned) -> Callable[..., str]:
    """The message that a config is refused with."""

    def asked(**changes: object) -> str:
        with pytest.raises(CollapseError) as refused:
            planned(**changes)
        return str(refused.value)

    return asked
