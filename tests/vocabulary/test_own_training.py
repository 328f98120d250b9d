"""Strategies whose models are trained in their own way: longer, or with another optimizer setting."""

import pytest
import yaml
from projects import ROOT

from collapse.config import load_plan
from collapse.config.settings import Strategy
from collapse.reporting.setup import recipe

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


def plan(**changes):
    return load_plan(CONFIG | {"experiment": "own"} | changes, "test")


@pytest.fixture
def overfitting():
    """A plan with Wang et al.'s overfitting arm beside a replace that is trained like everybody."""
    own = {"budget_times": 5, "weight_decay": 0}
    return plan(
        strategies=[
            {"name": "replace", "compose": "replace"},
            {"name": "overfit", "compose": "replace", "training": own},
        ]
    )


def test_its_models_have_its_budget_and_settings_from_generation_1_on(overfitting):
    shared = overfitting.training
    for generation, times, decay in ((0, 1, shared.weight_decay), (1, 5, 0), (2, 5, 0)):
        mixed = overfitting.mix_spec("overfit", generation, flops_per_token=None)
        trained = overfitting.train_spec("overfit", generation).training
        assert mixed.budget.amount == times * overfitting.budget.amount
        assert (trained.weight_decay, trained.learning_rate) == (decay, shared.learning_rate)


def test_nobody_else_s_models_have_them(overfitting):
    for strategy in ("replace", "real"):
        assert overfitting.mix_spec(strategy, 2, flops_per_token=None).budget == overfitting.budget
        assert overfitting.train_spec(strategy, 2).training == overfitting.training


def test_what_is_counted_stays_whole():
    own = [{"name": "longer", "compose": "replace", "training": {"budget_times": 1.25}}]
    spec = plan(strategies=own, budget={"match": "steps", "amount": 10}).mix_spec("longer", 1, flops_per_token=None)
    assert spec.budget.amount == 12


def test_the_report_says_so():
    own = {"budget_times": 5, "weight_decay": 0}
    told = recipe(Strategy.model_validate({"name": "overfit", "compose": "replace", "training": own}))
    assert told == "the newest samples only; 5 times the budget, weight decay 0"
