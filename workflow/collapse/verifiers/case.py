"""What verifiers may look at: the samples of one arm, real examples, and the model of generation 0, each read once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import media
from collapse.config.form import Form
from collapse.config.settings import WatermarkSettings
from collapse.config.verifiers import QuotaRule, ResampleRule, Rule
from collapse.errors import ContractError
from collapse.families import Model
from collapse.media import Examples
from collapse.raters import Rater
from collapse.verifiers import Verdicts, clusters, selection

ROWS_READ = 10_000
"""Rows whose texts are held at once where they are read one after another."""


@dataclass(frozen=True)
class Case:
    """The samples that a strategy's verifiers judge, and what they may be compared with.

    Attributes:
        form: What an example is.
        samples: Rows of the SAMPLES contract, in the order of their draws.
        documents: Rows of the DOCUMENTS contract, every split.
        n_offered: The strategy may choose among so many first draws; others were drawn for other strategies.
        open_generation_0: Loads the model of generation 0.
        open_base_model: Loads the base model, where a verifier asks it.
        chance: A generator of random numbers by the verifier's name, the same for all strategies.
        truth: All that the source can write, in the columns of the TRUTH contract; None where nobody knows.
        judged: What other verifiers have said, by name.
        raters: Raters that verifiers ask, by name.
        checkpoints: Cards of somebody's models that verifiers read by, by what reads by them: `verifier-NAME`.
        device: Where these compute, `cpu` or `gpu`.
        watermark: The mark that sampling left, where a verifier looks for it.
        encoder: How outputs are written, where a verifier asks it.
    """

    form: Form
    samples: pa.Table
    documents: pa.Table
    n_offered: int
    open_generation_0: Callable[[], Model]
    chance: Callable[[str], np.random.Generator]
    open_base_model: Callable[[], Model] | None = None
    truth: pa.Table | None = None
    judged: dict[str, Verdicts] = field(default_factory=dict)
    raters: Mapping[str, Rater] = field(default_factory=dict)
    checkpoints: Mapping[str, Path] = field(default_factory=dict)
    device: str = "cpu"
    watermark: WatermarkSettings | None = None
    encoder: Any = None

    @property
    def medium(self) -> Any:
        """The medium of outputs."""
        return media.medium(self.form.output)

    @cached_property
    def drawn(self) -> Examples:
        """The samples' inputs and outputs."""
        return media.samples(self.samples, self.form)

    @property
    def ids(self) -> list[str]:
        """Ids of the samples."""
        return self.samples["sample_id"].to_pylist()

    def real(self, split: str) -> pa.Table:
        """The documents of a split."""
        return self.documents.filter(pc.field("split") == split)

    @cached_property
    def true_answers(self) -> list[str]:
        """What the real example of each sample's input answers, in words.

        Raises:
            ContractError: A sample's input is of no document.
        """
        rows = pc.index_in(self.samples["prompt_id"], self.documents["document_id"].combine_chunks())
        if rows.null_count:
            raise ContractError(
                f"verify: {rows.null_count} samples were drawn for no real example, so their answers are not known.\n"
                "  Samples and documents are of two runs; delete the samples and run snakemake."
            )
        return self.medium.texts(self.documents.take(rows))

    @cached_property
    def answers(self) -> list[str]:
        """What each sample says, in words."""
        return self.medium.texts(self.samples)

    @cached_property
    def features(self) -> tuple[Any, Any]:
        """What classifiers see of the samples and of real training examples, arrays with a row each."""
        return self.medium.features(self.samples), self.medium.features(self.real("train"))

    @cached_property
    def generation_0_losses(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean loss over size of samples and of validation documents under the model of generation 0, in nats.

        Documents are cut where prompts are, so that both are judged on continuations of a prompt of the same length.
        """
        model, drawn = self.open_generation_0(), self.drawn
        real = media.examples(self.real("validation"), self.form)
        if drawn.inputs is not None and real.inputs is None:
            openings, rests = self.medium.cut(real.outputs, int(drawn.inputs.sizes.max(initial=0)))
            real = Examples(rests, openings)
        return tuple(model.score(one.outputs, one.inputs) / one.outputs.sizes for one in (drawn, real))

    @cached_property
    def base_model_logprobs(self) -> np.ndarray:
        """Mean log-probability of each sample over its size under the base model, in nats, shape `(n,)`."""
        assert self.open_base_model is not None
        drawn = self.drawn
        return -self.open_base_model().score(drawn.outputs, drawn.inputs) / drawn.outputs.sizes

    @cached_property
    def sampler_logprobs(self) -> np.ndarray:
        """Mean log-probability of each sample over its size under the model that made it, in nats, shape `(n,)`."""
        return self.samples["logprob_nats"].to_numpy().astype(np.float64) / self.drawn.outputs.sizes

    @property
    def offered(self) -> np.ndarray:
        """Whether the strategy may choose each sample, shape `(n,)`, bool."""
        return self.samples["draw"].to_numpy() < self.n_offered

    def compared(self, values: np.ndarray) -> np.ndarray:
        """Values of the samples that are offered; `nan` of the others."""
        return np.where(self.offered, values, np.nan)

    def select(self, rule: Rule, scores: np.ndarray, name: str) -> Verdicts:
        """Let through what a rule chooses of the samples that are offered; see `selection.selected`."""
        groups = self._groups(rule) if isinstance(rule, QuotaRule) else (None, None)
        looked_at = selection.Field(
            offered=self.offered,
            inputs=np.array(self.samples["prompt_id"].to_pylist(), dtype=object).astype(str),
            groups=groups[0],
            wanted=groups[1],
            rng=self.chance(name) if isinstance(rule, ResampleRule) else None,
        )
        return selection.selected(rule, scores, looked_at)

    def _groups(self, rule: QuotaRule) -> tuple[np.ndarray, np.ndarray]:
        if rule.n_clusters is not None:
            return clusters.groups(*self.features, rule.n_clusters)
        return _classes(self.answers, self.medium.texts(self.real("train")))


def read_in_parts(table: pa.Table, read: Callable[[pa.Table], Sequence[str]]) -> Iterator[str]:
    """What is read of a table's rows, of so many at a time, so that never all of it is held."""
    for start in range(0, table.num_rows, ROWS_READ):
        yield from read(table.slice(start, ROWS_READ))


def _classes(given: Sequence[str], real: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The class of each answer, and the share of each among real ones; one that no real answer has is wanted never."""
    names, counts = np.unique(np.array(real), return_counts=True)
    places = {name: place for place, name in enumerate(names.tolist())}
    return np.array([places.get(one, len(names)) for one in given]), counts / counts.sum()
