"""Documents, samples and verdicts as stages write them; what a test is not about is filled in."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from collapse.artifacts import contracts
from collapse.artifacts.contracts import Contract, Record
from collapse.artifacts.lineage import ModelCard

Row = dict[str, Any]


def card(files: Mapping[str, str]) -> ModelCard:
    """The card of a model of generation 0 from scratch, with the digests of its files."""
    return ModelCard(
        model_id="real.0.0@0123456789ab",
        family="transformer",
        strategy="real",
        seed=0,
        generation=0,
        parent_model_id=None,
        base_model=None,
        mixture_sha256="",
        n_parameters=7,
        n_trained=1,
        unit="token",
        n_steps=1,
        dtype="float32",
        files=dict(files),
    )


def document(name: str, tokens: Sequence[int], split: str = "train", **others: object) -> Row:
    """A real document; `others` are columns that the test is about."""
    row = {
        "document_id": name,
        "split": split,
        "text": "text",
        "token_ids": list(tokens),
        "n_tokens": len(tokens),
        "n_bytes": 4,
        "reference_answer": None,
        "group": name,
        "source": "made up",
        "licence": "none",
    }
    return row | others


def sample(strategy: str, generation: int, draw: int, tokens: Sequence[int], **others: object) -> Row:
    """A sample of seed 0, unprompted and ended by the model; `others` are columns that the test is about."""
    row = {
        "strategy": strategy,
        "seed": 0,
        "generation": generation,
        "sample_id": f"{strategy}.{others.get('seed', 0)}.{generation}.{draw:07d}",
        "sampled_from": "model",
        "prompt_id": None,
        "draw": draw,
        "prompt": "",
        "prompt_token_ids": [],
        "text": "text",
        "token_ids": list(tokens),
        "n_tokens": len(tokens),
        "finish_reason": "stop",
        "logprob_nats": -1.0,
        "sampler_seed": draw,
    }
    return row | others


def verdict(judged: Mapping[str, Any], verifier: str, accepted: bool, **others: object) -> Row:
    """What a verifier of lengths says of a sample."""
    row = {name: judged[name] for name in ("strategy", "seed", "generation", "sample_id")} | {
        "verifier": verifier,
        "verifier_version": "length/1",
        "score": None,
        "threshold": None,
        "accepted": accepted,
        "reason": "accepted" if accepted else "too_short",
        "duplicate_of": None,
    }
    return row | others


def write(path: Path, contract: Contract, rows: Iterable[Row], record: Record | None = None) -> None:
    """Write rows as a table of a contract."""
    columns = [(one.name, pa.string() if one.categories else one.type) for one in contract.columns]
    table = pa.Table.from_pylist(list(rows), schema=pa.schema(columns))
    contracts.write(path, contract, table, record or Record())
