"""Kinds of values that examples are made of: one module each, and all that the rest of the project asks of it.

A medium's module has

* `REAL`, `INPUT` and `DRAWN`, the columns of its values as outputs of real examples, as inputs, and as outputs of
  samples, in the order of the tables;
* `load_encoder(path)`, how values are written; its `facts` are what a model must know of them: the vocabulary of text,
  the shape of images, the classes of labels;
* `outputs(table)` and `inputs(table)`, which take values out of a table, out of its columns `OUTPUT_VALUES` and
  `INPUT_VALUES`; and `drawn(draws, encoder)`, `given(values, encoder)` and `stored(values)`, which write them as
  columns: of samples, of their inputs, and for a while;
* `steps(sizes, batch_size, length)`, which examples make each optimizer step;
* `TELLING`, the column that tells two examples without input apart;
* `nothing(n)`, the input of a model that is given none, where its samples have columns for one; else None;
* `sampling_facts(samples, real)`, what a sampling record counts;
* `miscounted(table)`, rows that are not what they say, by column, for the audit;
* `told(row)`, `told_input(row)` and `told_drawing(row)`, a sample in words.

Its container knows what `Values` says, and no more. Only this folder, the families, engines and corpora, the measures
and the page's galleries name a medium; stages, strategies, contracts, lineage and audit name none.
"""

import importlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pyarrow as pa

from collapse.config.form import Form
from collapse.errors import ContractError

MODULES = {"text": "collapse.media.text", "image": "collapse.media.image", "label": "collapse.media.label"}
"""Module of each medium; rules add those of the plan to the fingerprints of the stages that load them."""


class Values(Protocol):
    """Many values of one medium, held so that taking some costs no more than their numbers."""

    def __len__(self) -> int:
        """How many."""
        ...

    @property
    def sizes(self) -> np.ndarray:
        """The size of each in the medium's unit, shape `(n,)`, int."""
        ...

    @classmethod
    def concatenate(cls, parts: Iterable[Self]) -> Self:
        """Several collections, one after another."""
        ...

    def take(self, rows: np.ndarray) -> Self:
        """Those at these positions, in the order given, repeats allowed."""
        ...

    def keys(self) -> list[bytes]:
        """One key for each, the same for equal values only."""
        ...


@dataclass(frozen=True)
class Examples:
    """What a model learns from, or is asked.

    Attributes:
        outputs: What it learns to answer.
        inputs: What it is given before; None for nothing.
    """

    outputs: Any
    inputs: Any = None

    def __len__(self) -> int:
        return len(self.outputs)

    @property
    def lengths(self) -> np.ndarray:
        """Size of each, input and output together, shape `(n,)`."""
        return self.outputs.sizes + (0 if self.inputs is None else self.inputs.sizes)

    def take(self, rows: np.ndarray) -> "Examples":
        """Those at these positions."""
        return Examples(self.outputs.take(rows), None if self.inputs is None else self.inputs.take(rows))

    @classmethod
    def concatenate(cls, parts: Sequence["Examples"]) -> "Examples":
        """Several collections, one after another; all with inputs or all without."""
        outputs, inputs = ([getattr(part, name) for part in parts] for name in ("outputs", "inputs"))
        given = None if inputs[0] is None else type(inputs[0]).concatenate(inputs)
        return cls(type(outputs[0]).concatenate(outputs), given)

    def keys(self) -> list[bytes]:
        """One key for each, the same where input and output are."""
        if self.inputs is None:
            return self.outputs.keys()
        pairs = zip(self.inputs.keys(), self.outputs.keys(), strict=True)
        return [len(given).to_bytes(8, "big") + given + answered for given, answered in pairs]


@dataclass(frozen=True)
class Draws:
    """What a sampler drew: one row per request, in the order asked.

    Attributes:
        outputs: The values.
        stopped: Whether the model ended the value itself, shape `(n,)`, bool; of a value of fixed size, always.
        logprob_nats: Log-probability under the model, before tempering and truncation, shape `(n,)`; `nan` where the
            family has none.
    """

    outputs: Any
    stopped: np.ndarray
    logprob_nats: np.ndarray


def medium(name: str) -> Any:
    """The module of a medium."""
    return importlib.import_module(MODULES[name])


def modules(form: Form) -> tuple[str, ...]:
    """The modules of a form's media."""
    return tuple(MODULES[name] for name in (form.input, form.output) if name)


def examples(table: pa.Table, form: Form) -> Examples:
    """The examples in rows of a table of documents."""
    given = medium(form.input).inputs(table) if form.input else None
    return Examples(medium(form.output).outputs(table), given)


def samples(table: pa.Table, form: Form) -> Examples:
    """The examples in rows of a table of samples; text has a prompt always, if only an empty one."""
    given = input_medium(form)
    return Examples(medium(form.output).outputs(table), given.inputs(table) if given else None)


def input_medium(form: Form) -> Any | None:
    """The medium of what samples are drawn from: the form's input, or, where text begins a text, text."""
    if form.input:
        return medium(form.input)
    made = medium(form.output)
    return made if made.INPUT and made.nothing(0) is not None else None


def columns_of_examples(form: Form) -> list[str]:
    """The columns of documents that `examples` reads."""
    return [*(medium(form.input).INPUT_VALUES if form.input else ()), *medium(form.output).OUTPUT_VALUES]


def columns_of_samples(form: Form) -> list[str]:
    """The columns of samples that `samples` reads."""
    given = input_medium(form)
    return [*(given.INPUT_VALUES if given else ()), *medium(form.output).OUTPUT_VALUES]


def telling(form: Form) -> str:
    """The column that tells real examples apart: what is asked, if something is, for many questions have one answer."""
    return medium(form.input).INPUT[0].name if form.input else medium(form.output).TELLING


def in_order(n: int, batch_size: int) -> list[list[list[int]]]:
    """Examples of optimizer steps, one example a row, where each has the same size."""
    return [[[one] for one in range(start, min(start + batch_size, n))] for start in range(0, n, batch_size)]


# --- how values are written -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """What a model must know of the values: of its outputs, and of its inputs if it has any."""

    output: Any
    input: Any = None


@dataclass(frozen=True)
class Encoding:
    """How a plan's values are written: a tokenizer for text, a shape for images, classes for labels.

    Attributes:
        form: What an example is.
        output: The encoder of outputs.
        input: The encoder of inputs; None where there are none.
    """

    form: Form
    output: Any
    input: Any = None

    @property
    def facts(self) -> Facts:
        """What a model must know of the values."""
        return Facts(self.output.facts, self.input.facts if self.input else None)


ENCODING = "encoding.json"


def encoding_path(form: Form) -> str:
    """The file, inside an experiment's folder, that says how values are written."""
    return getattr(medium(form.output), "ENCODING", ENCODING)


def load_encoding(path: Path, form: Form) -> Encoding:
    """Read how values are written.

    Raises:
        ContractError: A file is missing or damaged.
    """
    encoders = {name: medium(name).load_encoder(path) for name in (form.input, form.output) if name}
    return Encoding(form, encoders[form.output], encoders.get(form.input or ""))


def entry(path: Path, name: str) -> dict[str, Any]:
    """What an `encoding.json` says of one medium.

    Raises:
        ContractError: It cannot be read, or says nothing of it.
    """
    try:
        found = json.loads(path.read_text())[name]
        if not isinstance(found, dict):
            raise ValueError("it is no mapping")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContractError(
            f"{path}: does not say how {name}s are written ({error}).\n  Delete it and run snakemake."
        ) from None
    return found
