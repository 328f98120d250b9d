"""What every medium has: a container, columns that come back, and sizes."""

import ast
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import collapse
from collapse import media
from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, MIXTURE, SAMPLES, Record
from collapse.config.form import TEXT, Form
from collapse.errors import ContractError
from collapse.media import Examples, image
from collapse.media.image import Images
from collapse.media.label import Labels
from collapse.media.text.sequences import Sequences

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 8), dtype=np.uint8)
VALUES = {
    "text": Sequences.of([[3, 1], [1], [4, 1, 5], [3, 1], [9]]),
    "image": Images(PIXELS[[0, 1, 2, 0, 3]]),
    "label": Labels(np.array([7, 1, 2, 7, 3], dtype=np.int32)),
}
"""Five values of each medium; the fourth is the first again."""

FORMS = [TEXT, Form(input="text", output="text"), Form(input=None, output="image"), Form(input="image", output="label")]
PACKAGE = Path(collapse.__file__).parent


@pytest.fixture(params=VALUES, ids=str)
def name(request) -> str:
    return request.param


def test_what_is_taken_is_what_was_there_in_the_order_asked(name):
    values = VALUES[name]
    taken = values.take(np.array([4, 0, 0]))
    assert taken.keys() == [values.keys()[4], values.keys()[0], values.keys()[0]]
    assert taken.sizes.tolist() == values.sizes[[4, 0, 0]].tolist()


def test_keys_are_equal_for_equal_values_only(name):
    keys = VALUES[name].keys()
    assert keys[0] == keys[3] and len(set(keys)) == 4


def test_parts_make_the_whole(name):
    values = VALUES[name]
    parts = [values.take(np.arange(2)), values.take(np.array([], dtype=np.int64)), values.take(np.arange(2, 5))]
    assert type(values).concatenate(parts).keys() == values.keys()


def test_what_is_kept_for_a_while_comes_back(name):
    values = VALUES[name]
    assert media.medium(name).outputs(pa.table(media.medium(name).stored(values))).keys() == values.keys()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.title)
def test_every_form_has_its_contracts_and_a_file_says_which(form, tmp_path):
    for contract in (DOCUMENTS, SAMPLES, MIXTURE):
        kept, path = contract.of(form), tmp_path / f"{contract.name}.parquet"
        contracts.write(path, kept, kept.schema.empty_table(), Record())
        assert contracts.contract_of(path) == kept
        assert contracts.kept_by(contracts.read(path, contract), contract) == kept
        assert pq.read_schema(path).names == [column.name for column in kept.columns]
    assert contracts.form_of(contracts.read(tmp_path / "samples.parquet", SAMPLES), SAMPLES) == form


def test_a_size_is_never_called_tokens_where_it_counts_something_else():
    for form in FORMS[2:]:
        for contract in (one for one in contracts.ALL if one.varies):
            assert not any("token" in column.name or column.unit == "token" for column in contract.of(form).columns)


def test_a_file_of_another_form_is_refused_by_a_stage_that_wants_one(tmp_path):
    kept = SAMPLES.of(FORMS[2])
    contracts.write(tmp_path / "samples.parquet", kept, kept.schema.empty_table(), Record())
    with pytest.raises(ContractError, match=r"holds `samples\[image\]/1`, but `samples\[image>label\]/1`"):
        contracts.read(tmp_path / "samples.parquet", SAMPLES.of(FORMS[3]))


def test_pairs_are_equal_where_both_halves_are():
    asked, answered = Sequences.of([[1, 2], [1], [1, 2]]), Sequences.of([[3], [2, 3], [3]])
    keys = Examples(answered, asked).keys()
    assert keys[0] == keys[2] and keys[0] != keys[1]


def test_an_image_is_a_png_that_others_read(tmp_path):
    table = pa.table(image.stored(Images(PIXELS)))
    pq.write_table(table, tmp_path / "images.parquet")
    from datasets import Image, load_dataset

    data = load_dataset("parquet", data_files=str(tmp_path / "images.parquet"), cache_dir=str(tmp_path), split="train")
    decoded = data.cast_column("image", Image())[2]["image"]
    assert np.array_equal(np.asarray(decoded), PIXELS[2])


@pytest.mark.parametrize("broken", [b"", b"no image", "cut"])
def test_a_broken_image_is_named_by_its_row(broken):
    files = image.to_pngs(Images(PIXELS))
    files[3] = files[3][:40] if broken == "cut" else broken
    with pytest.raises(ContractError, match="the image in row 4 cannot be read"):
        image.images(files)
    assert np.flatnonzero(image.miscounted(pa.table({"image": files}))["image"]).tolist() == [3]


def test_images_of_two_sizes_are_no_table():
    files = [*image.to_pngs(Images(PIXELS)), image.to_png(PIXELS[0, :3])]
    with pytest.raises(ContractError, match="the image in row 6 has 3 x 8 pixels, the first 4 x 8"):
        image.images(files)


def test_what_goes_round_the_loop_names_no_column_of_a_medium():
    """Import-linter holds the imports; this holds the names."""
    of_media = {column.name for name in media.MODULES for column in media.medium(name).REAL + media.medium(name).DRAWN}
    own = {*of_media, "prompt_token_ids"} - {"logprob_nats", "reference_answer", "n_bytes", "n_tokens"}
    files = [PACKAGE / "strategies.py", *(PACKAGE / "stages").glob("*.py"), *(PACKAGE / "questions").rglob("*.py")]
    only_of_text = {"truth.py", "base_model.py", "corpus.py"}
    for path in files:
        if path.name in only_of_text and path.parent.name == "stages":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                assert node.slice.value not in own, f"{path.name}:{node.lineno}"
