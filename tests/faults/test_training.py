"""Training that is killed between its checkpoints ends in the weights of training that was not."""

import shutil

from projects import Disturbed

MODEL = "results/tiny/strategy=real/seed=0/generation=0/model/model.json"
TRANSFORMER = {
    "generations": 1,
    "seeds": [0],
    "family": "transformer",
    "transformer": {"n_layers": 1, "n_heads": 1, "width": 32, "context_length": 64},
    "tokenizer": {"vocabulary_size": 300},
    "generate": {"engine": "transformers"},
    "decoding": {"max_new_tokens": 48},
    "budget": {"match": "steps", "amount": 400},
    "corpus": {"train_bytes": 8_000, "validation_bytes": 5_000, "test_bytes": 5_000, "max_document_tokens": 60},
    "strategies": [{"name": "replace", "compose": "replace"}],
}


def test_killed_training_goes_on_from_its_checkpoint_to_the_same_weights(fresh, chance, n_faults):
    fresh.configure(**TRANSFORMER)
    fresh.run(MODEL)
    undisturbed = fresh.digests()
    disturbed = Disturbed(fresh)
    disturbed.arguments = ("--cores", "2", "--set-resources", "train:checkpoint_minutes=0", "--", MODEL)
    arm = (fresh.folder / MODEL).parents[1]
    shutil.rmtree(arm / "model")

    def steps() -> int:
        """Steps of the newest checkpoint."""
        return max((int(path.name[:9]) for path in arm.glob(".model.*.work/*-*.pt")), default=0)

    for _ in range(n_faults):
        wanted = steps() + chance.randint(1, 100 // n_faults)
        assert disturbed.interrupt("train", 0, when=lambda least=wanted: steps() >= least)
    reached = steps()
    assert disturbed.start().wait() == 0, disturbed.output
    assert f"going on after step {reached}" in (arm / "logs/train.log").read_text()
    assert fresh.digests() == undisturbed
    assert not list(arm.glob(".model.*"))
