"""What is wrong with a config file is said with its place in it."""

import pytest

from collapse.config.files import check, read
from collapse.errors import ConfigError


@pytest.fixture
def refused(tmp_path):
    def asked(content: bytes, name: str = "experiment.yaml") -> str:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ConfigError) as error:
            check([path])
        return str(error.value).replace(f"{tmp_path}/", "")

    return asked


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"seeds: [0]\nstart: base\nseeds: [1]\n", "experiment.yaml: `seeds` stands in line 1 and in line 3."),
        (b"corpus:\n  file:\n    path: a\n    path: b\n", "`corpus.file.path` stands in line 3 and in line 4."),
        (b"a:\n  - {b: 1}\n  - {b: 1, b: 2}\n", "`a[1].b` stands in line 3 and in line 3."),
        (b"a: &a {b: 1}\nc: {<<: *a, <<: *a}\n", "`c.<<` stands in line 2 and in line 2."),
        (b"seeds: [0\nstart: base\n", "experiment.yaml, line 2, column 6: did not find expected ',' or ']'"),
        (b'experiment: "a\n', "experiment.yaml, line 2"),
        (b"corpus:\n\tsource: sotu\n", "experiment.yaml, line 2, column 1: found character that cannot start"),
        (b"a: *b\n", "experiment.yaml, line 1, column 4: found undefined alias"),
        (b"a: !!python/object/apply:os.system [id]\n", "experiment.yaml, line 1, column 4: could not determine"),
        (b"a: 1\n---\nb: 1\n", "experiment.yaml, line 2, column 1: but found another document"),
        (b"[1]: 2\n", "experiment.yaml, line 1, column 1: found unhashable key"),
        (b"a: 2024-13-45\n", "experiment.yaml: holds a value that cannot be read (month must be in 1..12)"),
        (b"[" * 20_000, "experiment.yaml: is nested too deeply"),
        (b"start: base\nexperiment: gr\xfc\xdfe\n", "line 2: is not text in UTF-8 (byte 0xfc).\n  Save it as UTF-8"),
        (b"\x7fELF\x02\x00\xff", "line 1: is not text in UTF-8 (byte 0xff)"),
        (b"a: 1\n\x00\n", "experiment.yaml: control characters are not allowed"),
        (b"", "experiment.yaml: is empty.\n  Begin with a key"),
        (b"# nothing\n", "experiment.yaml: is empty.\n  Begin with a key"),
        (b"- a\n- b\n", "experiment.yaml: is not a mapping of settings.\n  Begin with a key"),
        (b"speeches", "experiment.yaml: is not a mapping of settings"),
        (b'{"seeds": [0], "seeds": [1]}', "experiment.yaml: `seeds` appears more than once.\n  Keep one of them"),
    ],
)
def test_a_config_file_is_refused_with_file_line_and_the_way_out(refused, content, words):
    message = refused(content)
    assert words in message
    assert "\n  " in message


def test_a_file_that_is_none_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no such file.\n  Run in the project's folder"):
        read(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match=r"is a folder.\n  Name a YAML file in it"):
        read(tmp_path)
    check([tmp_path / "missing.yaml"])  # Snakemake says so itself, or does without


@pytest.mark.parametrize(
    "content",
    [
        b"a: &a {b: 1}\nc: {<<: *a, b: 2}\n",
        b"a: {b: 1}\nc: {b: 1}\n",
        b'{\n\t"a": 1\n}',
        b"\xef\xbb\xbfa: 1\n",
        "a: grüße\n".encode(),
    ],
)
def test_what_is_said_once_may_be_said(tmp_path, content):
    path = tmp_path / "experiment.yaml"
    path.write_bytes(content)
    assert read(path)["a"]
