"""Grey-scale images of one size: whole numbers from 0 (black) to 255."""

import base64
import io
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from collapse import media
from collapse.columns import Column
from collapse.errors import ContractError
from collapse.media import Draws

_BYTES = pa.binary()

INPUT = (Column("image", _BYTES, "the image as PNG, 8 bits of grey a pixel; every image of a table has one size"),)
REAL = (*INPUT, Column("label", pa.int32(), "its class, by its place in `encoding.json`, where known", nullable=True))
DRAWN = (Column("image", _BYTES, "the image that the model made, as PNG, 8 bits of grey a pixel"),)

OUTPUT_VALUES = INPUT_VALUES = ("image",)

TELLING = "image"

WHITE = 255


@dataclass(frozen=True)
class Shape:
    """Rows and columns of every image of an experiment, in pixels."""

    height: int
    width: int

    @property
    def n_pixels(self) -> int:
        """Pixels of one image."""
        return self.height * self.width


@dataclass(frozen=True)
class Images:
    """Many images of one size.

    Attributes:
        pixels: Grey levels, shape `(n, height, width)`, uint8.
    """

    pixels: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def sizes(self) -> np.ndarray:
        """One image each, shape `(n,)`."""
        return np.ones(len(self), dtype=np.int32)

    @property
    def shape(self) -> Shape:
        """Rows and columns of each."""
        return Shape(*self.pixels.shape[1:])

    @property
    def levels(self) -> np.ndarray:
        """Grey levels from 0 to 1, shape `(n, height * width)`, float32."""
        return self.pixels.reshape(len(self), -1).astype(np.float32) / WHITE

    @classmethod
    def concatenate(cls, parts: Iterable["Images"]) -> "Images":
        """Several collections, one after another."""
        return cls(np.concatenate([part.pixels for part in parts]))

    @classmethod
    def of_levels(cls, levels: np.ndarray, shape: Shape) -> "Images":
        """From grey levels of 0 to 1, shape `(n, height * width)`, rounded to whole numbers."""
        pixels = np.rint(np.clip(levels, 0, 1) * WHITE).astype(np.uint8)
        return cls(pixels.reshape(-1, shape.height, shape.width))

    def take(self, rows: np.ndarray) -> "Images":
        """Those at these positions, in the order given, repeats allowed."""
        return Images(self.pixels[np.asarray(rows, dtype=np.int64)])

    def keys(self) -> list[bytes]:
        """The bytes of each image's pixels."""
        return [image.tobytes() for image in self.pixels]


@dataclass(frozen=True)
class Encoder:
    """How images are written: their size."""

    facts: Shape

    @property
    def entry(self) -> dict[str, Any]:
        """What `encoding.json` says of it."""
        return {"height": self.facts.height, "width": self.facts.width}


def load_encoder(path: Path) -> Encoder:
    """The experiment's images' size, by its `encoding.json`."""
    found = media.entry(path, "image")
    try:
        return Encoder(Shape(int(found["height"]), int(found["width"])))
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(
            f"{path}: says no height and width of images ({error}).\n  Delete it and run snakemake."
        ) from None


def outputs(table: pa.Table) -> Images:
    """The images of a table.

    Raises:
        ContractError: One is no PNG of 8 bits of grey, or of another size than the first.
    """
    return images(table["image"].to_pylist())


inputs = outputs


def features(table: pa.Table) -> np.ndarray:
    """What classifiers see of images: grey levels from 0 to 1, shape `(n, height * width)`."""
    return outputs(table).levels


def miscounted(table: pa.Table) -> dict[str, Any]:
    """Rows whose image cannot be read, or is of another size than the first."""
    shapes = [_shape_of(file) for file in table["image"].to_pylist()]
    return {"image": pa.array([shape is None or shape != shapes[0] for shape in shapes], pa.bool_())}


def _shape_of(file: bytes) -> tuple[int, ...] | None:
    try:
        return from_png(file).shape
    except ValueError:
        return None


def images(files: list[bytes]) -> Images:
    """Images out of PNG files of one size; see `outputs`."""
    if not files:
        return Images(np.empty((0, 1, 1), dtype=np.uint8))
    decoded = list[np.ndarray]()
    for row, file in enumerate(files):
        try:
            decoded.append(from_png(file))
        except (ValueError, TypeError) as error:
            raise ContractError(f"the image in row {row + 1} cannot be read ({error}).") from None
        if decoded[row].shape != decoded[0].shape:
            sizes = [" x ".join(map(str, image.shape)) for image in (decoded[row], decoded[0])]
            raise ContractError(f"the image in row {row + 1} has {sizes[0]} pixels, the first {sizes[1]}.")
    return Images(np.stack(decoded))


def steps(sizes: np.ndarray, batch_size: int, _length: int | None) -> list[list[list[int]]]:
    """Which examples make each optimizer step, in order."""
    return media.in_order(len(sizes), batch_size)


def nothing(_n: int) -> None:
    """A model that is given nothing has no input."""
    return


def stored(values: Images) -> dict[str, pa.Array]:
    """Images as a column."""
    return {"image": pa.array(to_pngs(values), _BYTES)}


def given(values: Images, _encoder: Encoder) -> dict[str, pa.Array]:
    """Inputs as columns of samples."""
    return stored(values)


def drawn(draws: Draws, _encoder: Encoder) -> dict[str, pa.Array]:
    """What a sampler made, as columns of samples."""
    return stored(draws.outputs)


def sampling_facts(samples: Mapping[str, Any], _real: pa.Table | None) -> dict[str, float | int]:
    """What a sampling record counts.

    Args:
        samples: Columns of samples.
    """
    files = samples["image"].to_pylist()
    return {"n_samples": len(files), "n_duplicates": len(files) - len(set(files))}


def told(row: Mapping[str, Any]) -> str:
    """An image in words, for a terminal."""
    pixels = from_png(row["image"])
    return f"{pixels.shape[0]} x {pixels.shape[1]} pixels, mean grey level {pixels.mean():.0f} of {WHITE}"


told_input = told


def told_drawing(_row: Mapping[str, Any]) -> str:
    """Nothing more is to be said of an image."""
    return "decoded"


def as_uri(pixels: np.ndarray) -> str:
    """Grey levels, shape `(height, width)`, uint8, as an address that a page shows."""
    return f"data:image/png;base64,{base64.b64encode(to_png(pixels)).decode('ascii')}"


# --- PNG: lossless, half the size of raw pixels, and shown as it is by a browser, pandas and Hugging Face `datasets` --


def to_pngs(values: Images) -> list[bytes]:
    """Each image as a PNG file."""
    return [to_png(image) for image in values.pixels]


def to_png(pixels: np.ndarray) -> bytes:
    """A PNG file of 8 bits of grey.

    Args:
        pixels: Grey levels, shape `(height, width)`, uint8.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def from_png(file: bytes) -> np.ndarray:
    """The grey levels of a PNG file of 8 bits of grey, shape `(height, width)`, uint8.

    Raises:
        ValueError: It is none, or damaged.
    """
    try:
        with Image.open(io.BytesIO(file), formats=["PNG"]) as image:
            if image.mode != "L":
                raise ValueError(f"it is of mode {image.mode}, not 8 bits of grey")
            return np.asarray(image)
    except (OSError, SyntaxError, Image.DecompressionBombError, struct.error) as error:
        raise ValueError(str(error)) from None
