"""Measure what models of the real examples come to: levels, and what later generations are measured by."""

from pathlib import Path

from collapse import media
from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, REFERENCES, Record
from collapse.config.specs import ReferencesSpec
from collapse.metrics.arm import measures
from collapse.stages import Output


def run(
    *,
    spec: ReferencesSpec,
    documents: Path,
    pretraining_documents: Path | None = None,
    encoding: Path,
    references: Output,
    record: Record,
) -> None:
    """Fit what the medium's measures fit to all real examples that the model of generation 0 has seen.

    Args:
        spec: Whether there is a base model whose text is not known here.
        documents: Real documents.
        pretraining_documents: What the base model learned from, where it is pretrained here.
        encoding: How the experiment's values are written.
        references: One row per fitted model.
        record: What the table is made from.
    """
    contract, how = DOCUMENTS.of(spec.form), media.load_encoding(encoding, spec.form)
    real = contracts.read(documents, contract)
    before = contracts.read(pretraining_documents, DOCUMENTS) if pretraining_documents else None
    rows = measures(spec.form.output).references(spec, real, before, how)
    contracts.write(references, REFERENCES.of(spec.form), rows, record)
