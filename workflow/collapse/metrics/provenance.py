"""Who wrote what a model was trained on, and how many models lie between it and real text."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts.contracts import ANCESTRY, MIXTURE, counted, unit_of
from collapse.errors import ContractError


def real_share(sizes: np.ndarray, real_sizes: np.ndarray) -> float:
    """Share of what a model was trained on that is real, prompts within samples included.

    Args:
        sizes: Size of each training example, such as its tokens, shape `(n_examples,)`.
        real_sizes: Of these, what is of real examples and prompts, shape `(n_examples,)`.
    """
    return float(np.sum(real_sizes) / np.sum(sizes))


def mean_origin_generation(origin_generation: np.ndarray, sizes: np.ndarray) -> float:
    """Mean generation that the training examples come from, weighted by size; real documents are 0.

    Args:
        origin_generation: Generation of each training example, shape `(n_examples,)`.
        sizes: Size of each training example, prompts included, shape `(n_examples,)`.
    """
    return float(np.average(origin_generation, weights=sizes))


def n_distinct_examples(example_id: pa.ChunkedArray) -> int:
    """Different documents and samples trained on."""
    return int(pc.count_distinct(example_id).as_py())


def n_trained(sizes: np.ndarray) -> int:
    """Units trained on, such as tokens, repeats counted."""
    return int(np.sum(sizes, dtype=np.int64))


def ancestry(mixture: pa.Table) -> pa.Table:
    """Count an arm's training examples by the generation they come from.

    Args:
        mixture: One arm's mixture, as it was read by the MIXTURE contract.

    Returns:
        One row per generation that contributes, in the columns of the ANCESTRY contract of the same unit; shares add
        up to 1.
    """
    unit = unit_of(mixture, MIXTURE)
    size = counted("n_tokens", unit)
    groups = mixture.group_by(["strategy", "seed", "generation", "origin_generation"], use_threads=False).aggregate(
        [("example_id", "count_distinct"), (size, "sum")]
    )
    sizes = groups[f"{size}_sum"].cast(pa.int64())
    columns = {name: groups[name] for name in ("strategy", "seed", "generation", "origin_generation")} | {
        "n_examples": groups["example_id_count_distinct"],
        size: sizes,
        counted("token_share", unit): pc.divide(sizes.cast(pa.float64()), pc.sum(sizes).cast(pa.float64())),
    }
    return pa.table(columns, schema=ANCESTRY.counting(unit).schema).sort_by("origin_generation")


def ancestry_depth(shares_by_generation: list[dict[int, float]]) -> list[float]:
    """Mean number of models between the text a model is trained on and real text.

    depth(D_g) = sum over j of share_j depth(S_j), with depth(S_j) = 1 + depth(D_{j-1}) and depth(real) = 0: samples
    are one model further from real text than what their writer was trained on. `replace` has depth g, `real` 0.

    Args:
        shares_by_generation: For each generation g from 0, the share of D_g's tokens that come from generation j;
            j = 0 is real text.

    Returns:
        depth(D_g) for each g.

    Raises:
        ContractError: A model is trained on samples of a later generation, or shares do not add up to 1.
    """
    depths = list[float]()
    for generation, shares in enumerate(shares_by_generation):
        if not all(0 <= origin <= generation for origin in shares) or abs(sum(shares.values()) - 1) > 1e-6:
            raise ContractError(
                f"ancestry of generation {generation}: {shares} must be shares of generations 0 to {generation} that "
                "add up to 1.\n  Look at its mixture.parquet."
            )
        depths.append(sum(share * (1 + depths[origin - 1]) for origin, share in shares.items() if origin > 0))
    return depths
