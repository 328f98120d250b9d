"""What judges samples: each verifier is a module with a `VERSION` and `judged(settings, case, name)`: its verdicts.

What decides them is a pure function of arrays, `judge` or `scores`; `judged` takes these out of the case. A verifier
that scores leaves it to `selection` which scores are let through. Every verifier judges every sample, whatever the
others say, so what each of them would have let through can be read from the verdicts alone. A sample is usable when all
verifiers of its strategy accept it.
"""

import importlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts.contracts import VERDICTS
from collapse.errors import ContractError

MODULES = {
    name: f"collapse.verifiers.{name}"
    for name in (
        "length",
        "exact_duplicates",
        "perplexity_band",
        "noisy_oracle",
        "answer",
        "source",
        "rouge",
        "likelihood",
        "near_duplicates",
        "detector",
        "rating",
        "semantic_duplicates",
        "watermark",
    )
}
"""Module of each kind; rules add those of the plan to the fingerprint of the stage that loads them."""

READ_LIKELIHOOD = "collapse.verifiers.read_likelihood"
"""Module of the likelihood verifier that reads by somebody's model, for plans that have one."""

ACCEPTED = "accepted"
"""The reason of every verdict that accepts."""


@dataclass(frozen=True)
class Verdicts:
    """One verifier's judgement of all samples, in the samples' order.

    Attributes:
        accepted: Whether a sample is let through, shape `(n_samples,)`, bool.
        reason: Why, a category of the VERDICTS contract, shape `(n_samples,)`, str.
        score: Higher is better, shape `(n_samples,)`; None if the verifier has no score.
        threshold: Least score accepted, shape `(n_samples,)`; None if the verifier has no score.
        duplicate_of: First sample or document with the same tokens, None where there is none, shape `(n_samples,)`,
            object; None if the verifier looks for no duplicates.
    """

    accepted: np.ndarray
    reason: np.ndarray
    score: np.ndarray | None = None
    threshold: np.ndarray | None = None
    duplicate_of: np.ndarray | None = None

    def __len__(self) -> int:
        """Samples judged."""
        return len(self.accepted)


def module(kind: str) -> Any:
    """The module of a kind of verifier."""
    return importlib.import_module(MODULES[kind])


def table(
    verdicts: Verdicts,
    *,
    verifier: str,
    version: str,
    sample_ids: pa.ChunkedArray,
    strategy: str,
    seed: int,
    generation: int,
) -> pa.Table:
    """Put one verifier's verdicts into the columns of the VERDICTS contract; what it does not say is null."""
    n = len(verdicts)
    constants = {
        "strategy": strategy,
        "seed": seed,
        "generation": generation,
        "verifier": verifier,
        "verifier_version": version,
    }
    types = {column.name: column.type for column in VERDICTS.columns}
    columns: dict[str, object] = {
        name: pa.repeat(pa.scalar(value, types[name]), n) for name, value in constants.items()
    }
    for name in (field.name for field in fields(verdicts)):
        values, kind = getattr(verdicts, name), pa.string() if name == "reason" else types[name]
        columns[name] = pa.nulls(n, kind) if values is None else pa.array(values).cast(kind)
    return pa.table(columns | {"sample_id": sample_ids})


def usable(verdicts: pa.Table, sample_ids: pa.ChunkedArray | np.ndarray) -> np.ndarray:
    """Whether all verifiers of the chain accept each sample.

    Args:
        verdicts: A strategy's verdicts, in the columns of the VERDICTS contract.
        sample_ids: The samples asked about; other samples' verdicts are passed over.

    Returns:
        One answer per sample, in the order asked, shape `(len(sample_ids),)`, bool.

    Raises:
        ContractError: A sample has no verdict.
    """
    chain = verdicts.group_by("sample_id", use_threads=False).aggregate([("accepted", "all")])
    places = pc.index_in(sample_ids, value_set=chain["sample_id"])
    if places.null_count:
        missing = np.asarray(sample_ids)[np.asarray(pc.is_null(places))]
        raise ContractError(
            f"verdicts: {len(missing)} of {len(sample_ids)} samples have none, such as `{missing[0]}`.\n"
            "  Verdicts and samples are of two runs; delete the verdicts and run snakemake."
        )
    return chain["accepted_all"].take(places).to_numpy().astype(bool)
