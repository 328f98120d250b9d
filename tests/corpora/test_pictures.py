"""Images of a local Parquet file and of MNIST, split by what they show."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from collapse.config import load_plan
from collapse.corpora import pictures
from collapse.errors import ConfigError
from collapse.media import label, load_encoding
from collapse.media.image import outputs, to_png

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)


def spec(path: Path | None = None, family: str = "vae", classes: list[str] | None = None, **changes):
    images = CONFIG["corpus"]["images"] | {"height": 8, "width": 8, "path": path and str(path)} | changes
    examples = {"train": 20, "validation": 4, "test": 10, "reserve": 2}
    if classes is not None:
        examples = {"train": 8, "validation": 2, "test": 10, "reserve": 2, "classes": classes}
    source = "images" if path or "dataset" in changes else "mnist"
    corpus = CONFIG["corpus"] | {"source": source, "images": images, "examples": examples}
    asked = {"source": "real_input"} if family == "classifier" else {}
    plan = {
        "corpus": corpus,
        "family": family,
        "start": "fresh",
        "prompt": CONFIG["prompt"] | asked,
        "generate": CONFIG["generate"] | {"engine": "native"},
        "budget": {"match": "steps", "amount": 10},
        "strategies": [{"name": "replace", "compose": "replace"}],
    }
    return load_plan(CONFIG | plan, "test").corpus_spec()


def file_of(folder: Path, files: list[object], labels: list[object] | None = None) -> Path:
    columns = {"image": files, "label": [index % 3 for index in range(len(files))] if labels is None else labels}
    pq.write_table(pa.table(columns), folder / "images.parquet")
    return folder / "images.parquet"


def made(folder: Path, **changes) -> pa.Table:
    return pictures.make(spec(**changes), None, folder / "encoding.json")


@pytest.fixture
def local(tmp_path) -> Path:
    return file_of(tmp_path, [to_png(image) for image in PIXELS])


def test_splits_are_as_large_as_asked_for_and_no_image_is_in_two(local, tmp_path):
    table = made(tmp_path, path=local)
    assert [table["split"].to_pylist().count(name) for name in ("train", "validation", "test", "reserve")] == [
        20,
        4,
        10,
        2,
    ]
    assert len(set(outputs(table).keys())) == 36


def test_a_data_set_of_images_with_named_labels_is_the_same_as_their_file(local, tmp_path, monkeypatch):
    """As the Hub has it: images as files, labels as numbers with names, read by `datasets` from a folder."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    names = datasets.ClassLabel(names=["zero", "one", "two"])
    held = {"image": [Image.fromarray(image) for image in PIXELS], "label": [index % 3 for index in range(40)]}
    features = datasets.Features({"image": datasets.Image(), "label": names})
    (tmp_path / "images").mkdir()
    datasets.Dataset.from_dict(held, features).to_parquet(str(tmp_path / "images" / "train.parquet"))
    hub = {"dataset": str(tmp_path / "images"), "revision": "0" * 40, "path": None}
    found, expected = made(tmp_path, **hub), made(tmp_path, path=local)
    assert sorted(outputs(found).keys()) == sorted(outputs(expected).keys())
    assert {row["source"] for row in found.to_pylist()} == {"images"}  # wherever the folder lies


def test_the_order_of_the_rows_decides_nothing(local, tmp_path):
    first = made(tmp_path, path=local)
    turned = pq.read_table(local).take(np.arange(40)[::-1].copy())
    pq.write_table(turned, tmp_path / "images.parquet")
    again = made(tmp_path, path=local)
    for name in ("document_id", "split", "image", "label"):
        assert first[name].to_pylist() == again[name].to_pylist()


def test_an_image_that_occurs_twice_is_kept_once(tmp_path):
    path = file_of(tmp_path, [to_png(image) for image in np.concatenate([PIXELS, PIXELS])])
    assert len(set(outputs(made(tmp_path, path=path)).keys())) == 36


def test_colours_and_sizes_are_brought_to_one(tmp_path):
    coloured = io.BytesIO()
    Image.fromarray(np.full((16, 24, 3), (250, 0, 0), dtype=np.uint8)).save(coloured, "JPEG")
    files = [coloured.getvalue(), *(to_png(image) for image in PIXELS[1:])]
    table = made(tmp_path, path=file_of(tmp_path, files))
    assert outputs(table).pixels.shape == (36, 8, 8)


def test_labels_are_places_in_a_list_that_lies_beside(tmp_path):
    names = ["cat", "dog", "ant"]
    labels = [names[index % 3] for index in range(40)]
    table = made(tmp_path, path=file_of(tmp_path, [to_png(i) for i in PIXELS], labels), family="classifier")
    form = spec(path=tmp_path / "images.parquet", family="classifier").form
    encoding = load_encoding(tmp_path / "encoding.json", form)
    assert encoding.output.names == ("ant", "cat", "dog")
    assert set(label.outputs(table).values.tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("files", "changes", "told"),
    [
        ([b"no image"], {}, "row 1: is no readable PNG or JPEG"),
        ([7], {}, "row 1: holds int, not the bytes"),
        (None, {"column": "picture"}, "has no `picture`.\n  Set column to one of: image, label"),
        (None, {"max_images": 39}, "has 40 images, more than corpus.images.max_images"),
        (None, {"label_column": None, "family": "classifier"}, "label_column: is null"),
    ],
)
def test_images_that_cannot_be_used_are_named(tmp_path, files, changes, told):
    path = file_of(tmp_path, files or [to_png(image) for image in PIXELS])
    with pytest.raises(ConfigError) as refused:
        made(tmp_path, path=path, **changes)
    assert told in str(refused.value)


def test_more_images_than_there_are_cannot_be_asked_for(tmp_path):
    path = file_of(tmp_path, [to_png(image) for image in PIXELS[:30]])
    with pytest.raises(ConfigError, match=r"asks for 36 images in all, and images.parquet holds 30 different"):
        made(tmp_path, path=path)


def test_the_packaged_digits_are_all_there(tmp_path):
    table = made(tmp_path)
    assert table.num_rows == 36 and outputs(table).pixels.shape == (36, 28, 28)


def test_only_images_of_the_classes_asked_for_are_used_and_numbered_anew(local, tmp_path):
    table = made(tmp_path, path=local, family="classifier", classes=["2", "0"])
    everything = {image.tobytes(): index % 3 for index, image in enumerate(PIXELS)}
    true = [everything[image.tobytes()] for image in outputs(table).pixels]
    assert table.num_rows == 22 and set(true) == {0, 2}
    assert table["label"].to_pylist() == [{0: 0, 2: 1}[label_] for label_ in true]
    how = load_encoding(tmp_path / "encoding.json", spec(local, "classifier", ["2", "0"]).form)
    assert how.output.names == ("0", "2")


def test_a_class_that_the_source_lacks_is_refused_by_name(local, tmp_path):
    with pytest.raises(ConfigError, match=r"corpus.examples.classes: images.parquet has no `7`; it has 0, 1, 2"):
        made(tmp_path, path=local, classes=["0", "7"])
