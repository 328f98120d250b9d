"""Look inside a model: its neurons' weights and activations, and how many directions its layers use."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import media
from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, INTERNALS, Record
from collapse.config.specs import InternalsSpec
from collapse.families import internals as inside
from collapse.families import transformer
from collapse.stages import Output

log = logging.getLogger(__name__)

OF_LAYER = -1
"""Neuron of what is about a whole layer."""


def run(
    *,
    spec: InternalsSpec,
    strategy: str,
    seed: int,
    generation: int,
    model: Path,
    generation_0: Path,
    documents: Path,
    internals: Output,
    record: Record,
) -> None:
    """Write one row per layer and neuron.

    Args:
        spec: How much real text is read.
        strategy: Strategy of the arm.
        seed: Replicate.
        generation: Generation of the arm.
        model: Card of the arm's model.
        generation_0: Card of the shared model of generation 0, which layers are compared with.
        documents: Real documents, of which those held out are read.
        internals: What was found.
        record: What the table is made from.
    """
    real = contracts.read(documents, DOCUMENTS.of(spec.form))
    texts = media.examples(real.filter(pc.equal(real["split"], "test")), spec.form).outputs
    n_texts = 1 + int(np.searchsorted(np.cumsum(texts.lengths), spec.tokens))
    texts = texts.take(np.arange(min(n_texts, len(texts))))
    own, first = (transformer.load(card.parent, spec.device) for card in (model, generation_0))
    seen, before = (inside.activations(one, texts, spec.tokens) for one in (own, first))
    rows = [*_of_neurons("weight", inside.neuron_weights(own)), *_of_neurons("activation", seen.mean(axis=1))]
    for layer, (here, there) in enumerate(zip(seen, before, strict=True)):
        rows.append(("effective_rank", layer, OF_LAYER, inside.effective_rank(here)))
        rows.append(("alignment", layer, OF_LAYER, inside.linear_alignment(here, there)))
    train = media.examples(real.filter(pc.equal(real["split"], "train")), spec.form).outputs
    bands = inside.frequency_bands(train, int(str(own.configuration["vocab_size"])))
    for quantity, values in zip(("entropy", "loss"), inside.spectrum(own, texts, spec.tokens, bands), strict=True):
        rows += [(quantity, len(seen), band, float(value)) for band, value in enumerate(values)]
    names = ("quantity", "layer", "neuron", "value")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    arm = {"strategy": strategy, "seed": seed, "generation": generation}
    table = pa.table({name: [value] * len(rows) for name, value in arm.items()} | columns)
    contracts.write(internals, INTERNALS, table, record)
    log.info("%d layers of %d neurons, read at %d tokens", len(seen), seen.shape[2], seen.shape[1])


def _of_neurons(quantity: str, values: np.ndarray) -> Iterator[tuple[str, int, int, float]]:
    """Rows of values `(n_layers, width)`."""
    for (layer, neuron), value in np.ndenumerate(values):
        yield quantity, layer, neuron, float(value)
