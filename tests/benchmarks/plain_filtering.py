"""What a user of datatrove writes to filter texts: `python plain_filtering.py FOLDER`.

FOLDER holds `texts.jsonl`, an `id` and a `text` a line; it leaves what is kept in `kept/`. Length, then exact
duplicates, then MinHash in its four steps, each as datatrove's own examples put them, on one core. It knows nothing of
this project. Words are split at white space, which is quicker than the tokenizer that datatrove would ask for.
"""

import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor  # pyright: ignore[reportMissingImports]
from datatrove.pipeline.dedup import (  # pyright: ignore[reportMissingImports]
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
    minhash,
)
from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig  # pyright: ignore[reportMissingImports]
from datatrove.pipeline.filters import LambdaFilter  # pyright: ignore[reportMissingImports]
from datatrove.pipeline.readers import JsonlReader  # pyright: ignore[reportMissingImports]
from datatrove.pipeline.writers import JsonlWriter  # pyright: ignore[reportMissingImports]

NEAR = minhash.MinhashConfig(n_grams=3, num_buckets=32, hashes_per_bucket=4)
"""As many hashes and bands as this project has at a similarity of 0.7."""


class Words:
    """The words of a text."""

    def word_tokenize(self, text: str) -> list[str]:
        """Split at white space."""
        return text.split()


def text_of(document) -> str:
    """What exact duplicates are told by."""
    return document.text


def main(given: str) -> None:
    """Filter."""
    minhash.load_word_tokenizer = lambda _language: Words()
    folder, exact = Path(given), ExactDedupConfig(text_of)
    at = {name: str(folder / name) for name in ("hashes", "found", "signatures", "buckets", "clusters", "kept")}
    read = [
        JsonlReader(given, glob_pattern="texts.jsonl", compression=None),
        LambdaFilter(lambda document: 7 <= len(document.text.split()) <= 59),
    ]
    first = [*read, ExactDedupFilter(at["found"], exact)]
    steps = (
        ([*read, ExactDedupSignature(at["hashes"], exact)], 1),
        ([ExactFindDedups(at["hashes"], at["found"], exact)], 1),
        ([*first, MinhashDedupSignature(at["signatures"], NEAR)], 1),
        ([MinhashDedupBuckets(at["signatures"], at["buckets"], config=NEAR)], NEAR.num_buckets),
        ([MinhashDedupCluster(at["buckets"], at["clusters"], config=NEAR)], 1),
        ([*first, MinhashDedupFilter(at["clusters"]), JsonlWriter(at["kept"], compression=None)], 1),
    )
    for number, (pipeline, tasks) in enumerate(steps):
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(folder / f"logs{number}")).run()


if __name__ == "__main__":
    main(sys.argv[1])
