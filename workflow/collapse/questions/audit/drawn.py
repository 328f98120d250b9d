"""Samples, the record of how they were drawn, verdicts on them, and the losses of texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import media
from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENT_LOSSES, DOCUMENTS, SAMPLES
from collapse.artifacts.lineage import edited_draw, sample_ids
from collapse.config.form import Form
from collapse.media import Examples
from collapse.questions.audit import Arm, some


@dataclass(frozen=True)
class Documents:
    """The real documents, as other artifacts refer to them.

    Attributes:
        ids: Their ids, in ascending order.
        split: Split of each, shape `(n,)`, str.
        form: What an example is.
        examples: Their inputs and outputs.
    """

    ids: pa.ChunkedArray
    split: np.ndarray
    form: Form
    examples: Examples

    @classmethod
    def of(cls, table: pa.Table) -> "Documents":
        """From rows that were read by the DOCUMENTS contract."""
        form = contracts.form_of(table, DOCUMENTS)
        return cls(table["document_id"], table["split"].to_numpy(), form, media.examples(table, form))

    def rows(self, split: str) -> np.ndarray:
        """Rows of one split, in the order of their ids."""
        return np.flatnonzero(self.split == split)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Size of each output, shape `(n,)`."""
        return self.examples.outputs.sizes

    @cached_property
    def input_sizes(self) -> np.ndarray:
        """Size of each input, shape `(n,)`."""
        return self.examples.lengths - self.sizes


@dataclass(frozen=True)
class Samples:
    """An arm's samples, as other artifacts refer to them.

    Attributes:
        ids: Their ids, in the order of the draws.
        sizes: Size of each output, shape `(n,)`.
        input_sizes: Size of each one's prompt or input, shape `(n,)`.
    """

    ids: pa.ChunkedArray
    sizes: np.ndarray
    input_sizes: np.ndarray

    @classmethod
    def of(cls, table: pa.Table) -> "Samples":
        """From rows that were read by the SAMPLES contract."""
        examples = media.samples(table, contracts.form_of(table, SAMPLES))
        return cls(table["sample_id"], examples.outputs.sizes, examples.lengths - examples.outputs.sizes)

    def first(self, n: int) -> "Samples":
        """The first draws."""
        return Samples(self.ids[:n], self.sizes[:n], self.input_sizes[:n])


def id_faults(samples: pa.Table, arm: Arm) -> list[str]:
    """Ids that are not those of this arm's draws, from 0 on."""
    expected = sample_ids(*arm, range(samples.num_rows))
    wrong = [found for found, right in zip(samples["sample_id"].to_pylist(), expected, strict=True) if found != right]
    if wrong:
        return [f"the ids are not {expected[0]} to {expected[-1]}: {some(wrong)}"]
    astray = np.flatnonzero(samples["draw"].to_numpy() != np.arange(samples.num_rows))
    return [f"the draw is not the one the id says: row {some(astray.tolist())}"] if len(astray) else []


def seeds_faults(samples: pa.Table) -> list[str]:
    """Sampler seeds that two rows share."""
    n_shared = samples.num_rows - pc.count_distinct(samples["sampler_seed"]).as_py()
    return [f"{n_shared} of {samples.num_rows} rows repeat another row's sampler_seed"] if n_shared else []


def lineage_faults(
    samples: pa.Table, writer: str, documents: Documents, n_expected: int, asked: str = "train"
) -> list[str]:
    """Samples of another model, too few or too many, and prompts that are neither inputs nor beginnings of documents.

    Args:
        samples: Rows that were read by the SAMPLES contract.
        writer: Id on the card of the model of the generation before.
        documents: The real documents.
        n_expected: Samples that should have been drawn.
        asked: The split whose documents prompt.
    """
    others = [one for one in pc.unique(samples["sampled_from"]).to_pylist() if one != writer]
    faults = [f"samples are from {some(others)}, but the model of the generation before is {writer}"] if others else []
    if samples.num_rows != n_expected:
        faults.append(f"{samples.num_rows} samples, but {n_expected} were to be drawn")
    prompted = samples.filter(pc.is_valid(samples["prompt_id"]))
    if not prompted.num_rows:
        return faults
    known = documents.rows(asked)
    rows = pc.index_in(prompted["prompt_id"], documents.ids.take(pa.array(known)))
    if rows.null_count:
        unknown = prompted.filter(pc.is_null(rows))["prompt_id"].to_pylist()
        what = "to train on" if asked == "train" else "to be asked"
        return [*faults, f"prompts are of documents that are not there {what}: {some(unknown)}"]
    given = media.samples(prompted, documents.form).inputs
    real = documents.examples.take(known[rows.to_numpy()])
    wrong = [
        identity
        for identity, prompt, whole in zip(
            prompted["sample_id"].to_pylist(), given.keys(), (real.inputs or real.outputs).keys(), strict=True
        )
        if (prompt != whole if documents.form.input else not whole.startswith(prompt))
    ]
    how = "the input of its document" if documents.form.input else "how its document begins"
    return [*faults, f"the prompt is not {how}: {some(wrong)}"] if wrong else faults


def edit_faults(samples: pa.Table, before: pa.Table, sizes: np.ndarray) -> list[str]:
    """Samples that are no edits of those of the generation before: of another real document, or of another length.

    Args:
        samples: Rows that were read by the SAMPLES contract.
        before: Those of the generation before, their `prompt_id` at least.
        sizes: Size of each of these, shape `(n,)`.
    """
    rows = np.array([edited_draw(draw, before.num_rows) for draw in range(samples.num_rows)], dtype=np.int64)
    asked, parents = samples["prompt_id"].to_pylist(), before["prompt_id"].take(pa.array(rows)).to_pylist()
    lengths = media.samples(samples, contracts.form_of(samples, SAMPLES)).outputs.sizes
    wrong = np.array([one != other for one, other in zip(asked, parents, strict=True)]) | (lengths != sizes[rows])
    ids = samples["sample_id"].filter(pa.array(wrong)).to_pylist()
    return [f"no edit of the sample of the generation before: {some(ids)}"] if ids else []


def record_faults(record: Mapping[str, object], samples: pa.Table, spec: Mapping[str, object], arm: Arm) -> list[str]:
    """Entries of a sampling record that are not what the samples say.

    Args:
        record: The record's entries.
        samples: Rows of the SAMPLES contract.
        spec: The settings that the samples carry.
        arm: Where they lie.
    """
    made = contracts.form_of(samples, SAMPLES).output
    columns = {name: samples[name] for name in samples.column_names}
    counted = media.medium(made).sampling_facts(columns, None) if samples.num_rows else {"n_samples": 0}
    expected = arm._asdict() | counted
    expected |= {name: spec[name] for name in ("engine", "decoding", "prompt", "device") if name in spec}
    return [
        f"{name} is {record.get(name)}, but the samples say {value}"
        for name, value in expected.items()
        if record.get(name) != value
    ]


def coverage_faults(verdicts: pa.Table, samples: Samples, verifiers: Sequence[str]) -> list[str]:
    """Samples without a verdict of one of the strategy's verifiers, and verdicts of others or on others."""
    known = pa.array(sorted(verifiers), pa.string())
    strange = pc.unique(verdicts["verifier"].filter(pc.invert(pc.is_in(verdicts["verifier"], known)))).to_pylist()
    faults = [f"verdicts are by {some(strange)}, not one of the strategy's verifiers"] if strange else []
    for name in verifiers:
        judged = verdicts["sample_id"].filter(pc.equal(verdicts["verifier"], name))
        faults += [f"{name}: {fault}" for fault in difference(judged, samples.ids)]
    return faults


def difference(found: pa.ChunkedArray, expected: pa.ChunkedArray) -> list[str]:
    """Ids that are missing, and ids that should not be there."""
    missing = expected.filter(pc.invert(pc.is_in(expected, found))).to_pylist()
    extra = found.filter(pc.invert(pc.is_in(found, expected))).to_pylist()
    faults = [f"has nothing on {some(missing)}"] if missing else []
    return [*faults, f"is about {some(extra)}, which should not be there"] if extra else faults


def loss_faults(losses: pa.Table, documents: Documents, offered: Samples | None) -> list[str]:
    """Losses that do not cover exactly the test documents and the samples offered, with their sizes.

    Args:
        losses: Rows of the DOCUMENT_LOSSES contract.
        documents: The real documents.
        offered: The samples offered to the strategy; None at generation 0, which has none.
    """
    test = documents.rows("test")
    expected = {("real_test", "own"): (documents.ids.take(pa.array(test)), documents.sizes[test])}
    if offered is not None:
        expected["samples", "generation_0"] = (offered.ids, offered.sizes)
    faults, n_expected = list[str](), 0
    size = contracts.counted("n_tokens", contracts.unit_of(losses, DOCUMENT_LOSSES))
    for (evaluation_set, scored_by), (ids, sizes) in expected.items():
        part = losses.filter((pc.field("evaluation_set") == evaluation_set) & (pc.field("scored_by") == scored_by))
        wrong = difference(part["document_id"], ids)
        if not wrong:
            rows = pc.index_in(part["document_id"], ids.combine_chunks()).to_numpy()
            astray = part["document_id"].filter(pa.array(part[size].to_numpy() != sizes[rows])).to_pylist()
            wrong = [f"{size} is not that of {some(astray)}"] if astray else []
        faults += [f"{evaluation_set} scored by {scored_by}: {fault}" for fault in wrong]
        n_expected += part.num_rows
    n_others = losses.num_rows - n_expected
    return [*faults, f"{n_others} rows are of texts that this arm does not score"] if n_others else faults
