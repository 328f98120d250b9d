"""Every source gives the same kind of text, and says what is wrong with it."""

import json
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collapse.config.settings import FileSettings, HuggingFaceSettings, SotuSettings
from collapse.corpora import hugging_face, local_file, sotu
from collapse.errors import ConfigError, EngineError

TEXTS = ["One paragraph,\ntwo lines.", "Another.", "Übergrößenträger 😀"]


def file_settings(path: Path, group_column: str | None = None, max_bytes: int = 10**9) -> FileSettings:
    return FileSettings(path=str(path), column="text", group_column=group_column, max_bytes=max_bytes)


def write_json_lines(path: Path, rows: list[object]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def test_parquet_json_lines_and_text_hold_the_same_corpus(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [TEXTS[0], None, f"  {TEXTS[1]}\n", TEXTS[2]]}), tmp_path / "corpus.parquet")
    write_json_lines(tmp_path / "corpus.jsonl", [{"text": text} for text in [*TEXTS, " \n "]])
    (tmp_path / "corpus.txt").write_bytes(("\ufeff" + "\n \n\n".join(TEXTS)).encode())
    cells = "\r\n".join(f'{row},"{text}"' for row, text in enumerate([*TEXTS, " \n "]))
    (tmp_path / "corpus.csv").write_bytes(f"\ufeffnumber,text\r\n{cells}\r\n\r\n".encode())
    kinds = ("parquet", "jsonl", "csv", "txt")
    found = [local_file.read(file_settings(tmp_path / f"corpus.{kind}")) for kind in kinds]
    assert [[real.text for real in texts] for texts in found] == [TEXTS] * 4
    assert [[real.group for real in texts] for texts in found] == [[real.group for real in found[0]]] * 4
    assert len({real.group for real in found[0]}) == 3
    assert {real.source for real in found[0]} == {"corpus.parquet"}


def test_a_group_column_groups_texts(tmp_path: Path) -> None:
    path = write_json_lines(tmp_path / "c.jsonl", [{"text": t, "speech": i // 2} for i, t in enumerate(TEXTS)])
    assert [real.group for real in local_file.read(file_settings(path, "speech"))] == ["0", "0", "1"]


def test_a_title_is_the_first_line_of_its_text_and_no_text_of_its_own(tmp_path: Path) -> None:
    rows = 'title,text,lean\nHeadline,"Body, in two\nlines.",left\n,Body alone.,right\nHeadline alone,,left\n'
    (tmp_path / "c.csv").write_text(rows)
    columns = {"column": "text", "title_column": "title", "label_column": "lean", "group_column": None}
    found = local_file.read(FileSettings(path=str(tmp_path / "c.csv"), max_bytes=10**6, **columns))
    assert [(real.text, real.label) for real in found] == [
        ("Headline\nBody, in two\nlines.", "left"),
        ("Body alone.", "right"),
    ]


def test_carriage_returns_separate_paragraphs_too() -> None:
    assert local_file.paragraphs("one\r\ntwo\r\n\r\nthree\r\n") == ["one\r\ntwo", "three"]


@pytest.mark.parametrize(
    ("name", "content", "group_column", "message"),
    [
        ("missing.txt", None, None, "there is no file"),
        ("c.tsv", b"text\n", None, "ends in `.tsv`"),
        ("c.csv", b"", None, "has no `text`.\n  Set column to one of: none."),
        ("c.csv", b"body,text\n", None, "holds no text but white space"),
        ("c.csv", b"body,id\na,1\n", None, "has no `text`.\n  Set column to one of: body, id."),
        ("c.csv", b"text,text\na,1\n", None, "2 columns are called `text`"),
        ("c.csv", b"text,id\na,1\none, two,3\n", None, "line 3: the row that ends there has 3 cells"),
        ("c.csv", b'text,id\n"open,1\n', None, "line 2: is not a table of comma-separated values"),
        ("c.csv", b"text,speech\na,\n", "speech", "row 1: has no group"),
        ("c.txt", b" \n\n ", None, "holds no text but white space"),
        ("c.txt", b"fine\nna\xefve", None, "byte 7 (line 2) is 0xef"),
        ("c.txt", b"fine", "speech", "a .txt file has no columns"),
        ("c.jsonl", b'{"text": "a"}\n\n{"text": ', None, "line 3: is not JSON"),
        ("c.jsonl", b'{"text": "a"}\n["b"]\n', None, 'line 2: is ["b"].'),
        ("c.jsonl", b'{"body": "a", "id": 1}\n', None, "line 1: has no `text`.\n  Set column to one of: body, id."),
        ("c.jsonl", b'{"text": 7}\n', None, "row 1: the text is 7"),
        ("c.jsonl", b'{"text": "a\\ud800"}\n', None, "row 1: half a surrogate pair"),
        ("c.jsonl", b'{"text": "a", "speech": null}\n', "speech", "row 1: has no group"),
        ("c.parquet", b"not parquet", None, "is not a readable Parquet file"),
    ],
)
def test_a_file_that_is_no_corpus_is_refused_with_its_place(
    tmp_path: Path, name: str, content: bytes | None, group_column: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        local_file.read(file_settings(tmp_path / name, group_column))
    assert message in str(refused.value)


def refusal(path: Path, **limits: int) -> str:
    with pytest.raises(ConfigError) as refused:
        local_file.read(file_settings(path, **limits))
    return str(refused.value)


@pytest.mark.parametrize("name", ["c.jsonl", "c.txt"])
def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(10**13)  # a hole: no bytes on the disk, ten terabytes to read
    assert "c." in refusal(path) and "has 10,000,000,000,000 bytes, more than" in refusal(path)
    (tmp_path / name).write_bytes(b'{"text": "a"}')
    assert "has 13 bytes, more than corpus.file.max_bytes (12)" in refusal(path, max_bytes=12)
    assert local_file.read(file_settings(path, max_bytes=13))


def test_a_parquet_bomb_is_refused_by_its_footer(tmp_path: Path) -> None:
    path, text = tmp_path / "c.parquet", "z" * 5_000_000
    pq.write_table(pa.table({"text": [f"{n}{text}" for n in range(4)], "other": [text] * 4}), path, compression="zstd")
    assert path.stat().st_size < 100_000
    assert "decompressed, 20,0" in refusal(path, max_bytes=19_000_000)
    assert len(local_file.read(file_settings(path, max_bytes=21_000_000))) == 4  # the other column does not count


def test_a_parquet_bomb_of_one_repeated_text_is_refused_as_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), ["z" * 1_000_000])
    pq.write_table(pa.table({"text": texts}), path, compression="zstd")
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    assert "decompressed, at least 10,000,000,000 bytes" in refusal(path)
    assert tracemalloc.get_traced_memory()[1] < 10**8
    tracemalloc.stop()


def test_more_rows_than_are_held_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_file, "MOST_ROWS", 2)
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "c.parquet")
    assert "has 3 rows, more than 2" in refusal(tmp_path / "c.parquet")
    write_json_lines(tmp_path / "c.jsonl", [{"text": text} for text in TEXTS])
    assert "has 3 lines, more than 2" in refusal(tmp_path / "c.jsonl")
    (tmp_path / "c.txt").write_text("\n\n".join([*TEXTS, "fourth"]))
    assert "has 3 paragraphs, more than 2" in refusal(tmp_path / "c.txt")


def test_text_in_lists_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [["a"], ["b"]]}), tmp_path / "c.parquet")
    assert "Name a column that holds strings" in refusal(tmp_path / "c.parquet")


@pytest.mark.parametrize("line", ["[" * 1_000_000, '{"text":' * 100_000])
def test_json_that_is_nested_without_end_is_refused_in_words(tmp_path: Path, line: str) -> None:
    (tmp_path / "c.jsonl").write_text(f'{{"text": "fine"}}\n{line}\n')
    assert "line 2: is nested too deeply" in refusal(tmp_path / "c.jsonl")


def test_a_message_does_not_steer_the_terminal(tmp_path: Path) -> None:
    keys = {f"\x1b[2J{n}": "a" for n in range(1_000)}
    message = refusal(write_json_lines(tmp_path / "c.jsonl", [keys]))
    assert "\x1b" not in message and "and 980 more" in message


def test_a_local_data_set_with_a_script_is_refused_and_the_script_not_run(tmp_path: Path) -> None:
    folder, ran = tmp_path / "data", tmp_path / "ran"
    folder.mkdir()
    (folder / "data.py").write_text(f"open({str(ran)!r}, 'w')\n")
    values = {"subset": None, "revision": "0" * 40, "split": "train", "column": "text", "group_column": None}
    with pytest.raises((ConfigError, EngineError)):
        hugging_face.read(HuggingFaceSettings(dataset=str(folder), **values))
    assert not ran.exists()


@pytest.mark.parametrize(("names", "group_column"), [(["text", "text"], None), (["text", "by", "by"], "by")])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, names: list[str], group_column: str | None) -> None:
    table = pa.Table.from_arrays([pa.array(["a"])] * len(names), names=names)
    pq.write_table(table, tmp_path / "c.parquet")
    with pytest.raises(ConfigError, match=f"2 columns are called `{names[-1]}`"):
        local_file.read(file_settings(tmp_path / "c.parquet", group_column))


def test_two_other_columns_of_one_name_are_passed_over(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["by", "text", "by"])
    pq.write_table(table, tmp_path / "c.parquet")
    assert [real.text for real in local_file.read(file_settings(tmp_path / "c.parquet"))] == ["a"]


def test_a_missing_parquet_column_is_refused_with_the_columns_there_are(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["a"], "year": [1]}), tmp_path / "c.parquet")
    with pytest.raises(ConfigError, match="Set column to one of: body, year"):
        local_file.read(file_settings(tmp_path / "c.parquet"))


def test_addresses_are_paragraphs_grouped_by_address() -> None:
    texts = sotu.read(SotuSettings(first_year=2020, last_year=None))
    assert len({real.group for real in texts}) == len({real.source for real in texts}) >= 5
    assert {real.group[:4] for real in texts} >= {"2020", "2022", "2023", "2024"}
    assert min(real.group for real in texts) >= "2020"
    assert all(real.text == real.text.strip() != "" and "\n\n" not in real.text for real in texts)


def test_a_year_after_the_last_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="holds addresses of 1790 to"):
        sotu.read(SotuSettings(first_year=3000, last_year=None))


def hub_settings(dataset: Path, **changed: str | None) -> HuggingFaceSettings:
    values = {"subset": None, "revision": "0" * 40, "split": "train", "column": "text", "group_column": "speech"}
    return HuggingFaceSettings.model_validate({"dataset": str(dataset)} | values | changed)


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    folder = tmp_path / "speeches"
    folder.mkdir()
    pq.write_table(pa.table({"text": [*TEXTS, " "], "speech": ["a", "a", "b", "b"]}), folder / "train.parquet")
    return folder


def test_a_folder_of_parquet_files_is_a_hugging_face_data_set(dataset: Path) -> None:
    texts = hugging_face.read(hub_settings(dataset))
    assert [(real.text, real.group) for real in texts] == list(zip(TEXTS, "aab", strict=True))
    assert {real.source for real in texts} == {"speeches"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"split": "dev"}, 'Unknown split "dev"'),
        ({"subset": "large"}, "BuilderConfig 'large' not found"),
        ({"column": "body"}, "Set column to one of: text, speech"),
    ],
)
def test_a_data_set_without_the_asked_part_is_refused(dataset: Path, changed: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        hugging_face.read(hub_settings(dataset, **changed))
    assert message in str(refused.value)


def test_a_data_set_that_cannot_be_read_says_how_to_bring_it(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="HF_HUB_OFFLINE"):
        hugging_face.read(hub_settings(tmp_path / "nowhere"))
