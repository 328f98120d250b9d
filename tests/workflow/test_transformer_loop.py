"""The loop with a transformer and vLLM, at a size that takes a minute."""

import pyarrow.parquet as pq

TRANSFORMER = {
    "experiment": "tiny",
    "generations": 1,
    "seeds": [0],
    "family": "transformer",
    "transformer": {"n_layers": 1, "n_heads": 1, "width": 32, "context_length": 64},
    "tokenizer": {"vocabulary_size": 300},
    "generate": {"engine": "vllm", "n_samples": 40},
    "budget": {"match": "steps", "amount": 20},
    "decoding": {"max_new_tokens": 48},
    "prompt": {"source": "real_prefix", "n_tokens": 8, "in_training": True},
    "start": "previous",
    "corpus": {"train_bytes": 8_000, "validation_bytes": 5_000, "test_bytes": 5_000, "max_document_tokens": 60},
    "strategies": [
        {"name": "replace", "compose": "replace"},
        {"name": "plausible", "compose": "replace", "verifiers": ["plausible"], "oversample": 2},
    ],
}


def test_a_transformer_and_vllm_run_through_the_loop_and_repeat_byte_for_byte(fresh, tmp_path):
    fresh.configure(**TRANSFORMER)
    fresh.run()
    first = fresh.digests()
    log = pq.read_table(fresh.folder / "results/tiny/strategy=replace/seed=0/generation=1/training_log.parquet")
    assert log.num_rows == 20
    shared = pq.read_table(fresh.folder / "results/tiny/strategy=real/seed=0/generation=1/samples.parquet")
    assert shared.num_rows == 80
    mixture = pq.read_table(fresh.folder / "results/tiny/strategy=replace/seed=0/generation=1/mixture.parquet")
    assert len(set(mixture["example_id"].to_pylist())) <= 40
    assert set(mixture["n_real_tokens"].to_pylist()) == {8}

    (fresh.folder / "results").rename(fresh.folder / "earlier")
    fresh.run()
    assert fresh.digests() == first
