"""Training that is killed between its checkpoints ends in the weights of training that was not.

For the full tier: importing PyTorch three times takes longer than a test may. `tests/families/test_transformer.py`
interrupts training within a process.
"""

from pathlib import Path

import pytest
from projects import Disturbed

from collapse.artifacts import contracts
from collapse.config.specs import TrainSpec
from collapse.stages import train

MODEL = "strategy=real/seed=0/generation=0/model/model.json"
STEPS = 150
TRANSFORMER = {
    "generations": 1,
    "seeds": [0],
    "family": "transformer",
    "transformer": {"base_model": None, "n_layers": 1, "n_heads": 1, "width": 32, "context_length": 64},
    "tokenizer": {"vocabulary_size": 300},
    "generate": {"engine": "transformers"},
    "decoding": {"max_new_tokens": 48},
    "budget": {"match": "steps", "amount": STEPS},
    "corpus": {"train_bytes": 8_000, "validation_bytes": 5_000, "test_bytes": 5_000, "max_document_tokens": 60},
    "strategies": [{"name": "replace", "compose": "replace"}],
}


@pytest.fixture
def killed(fresh):
    """A transformer's experiment, never run; nothing of it runs on when the test has ended."""
    fresh.configure(**TRANSFORMER)
    killed = Disturbed(fresh)
    killed.arguments = ("--cores", "2", "--set-resources", "train:checkpoint_minutes=0")
    killed.aim_at(MODEL)
    yield killed
    killed.end()


@pytest.mark.full
def test_killed_training_goes_on_from_its_checkpoint_to_the_weights_of_training_in_peace(
    killed, tmp_path, chance, n_faults
):
    arm = (killed.results / MODEL).parents[1]

    def steps() -> int:
        """Steps of the newest checkpoint."""
        return max((int(path.name[:9]) for path in arm.glob(".model.*.work/*-*.pt")), default=0)

    for _ in range(n_faults):
        wanted = steps() + chance.randint(1, STEPS // 4 // n_faults)
        assert killed.interrupt("train", 0, when=lambda least=wanted: steps() >= least), killed.output
    reached = steps()
    killed.run()
    assert f"going on after step {reached}" in (arm / "logs/train.log").read_text()
    assert not list(arm.glob(".model.*"))
    train_in_peace(killed.results, arm, tmp_path)
    for name in ("model/model.json", "model/model.safetensors", "training_log.parquet"):
        assert (tmp_path / name).read_bytes() == (arm / name).read_bytes()


def train_in_peace(results: Path, arm: Path, elsewhere: Path) -> None:
    """Train the arm's model once more, in this process."""
    record = contracts.spec_of(arm / "training_log.parquet")
    train.run(
        spec=TrainSpec.model_validate(record.spec),
        strategy="real",
        seed=0,
        generation=0,
        mixture=arm / "mixture.parquet",
        documents=results / "documents.parquet",
        samples=[],
        tokenizer=results / "tokenizer/tokenizer.json",
        model=elsewhere / "model/model.json",
        training_log=elsewhere / "training_log.parquet",
        record=record,
    )
