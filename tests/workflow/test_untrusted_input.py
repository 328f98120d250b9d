"""Text, names and paths are somebody else's: nothing in them is run, and all of it is shown as text."""

import json
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from projects import Project

SHELL = "'; touch pwned; ' \"; touch pwned; \" $(touch pwned) `touch pwned` {touch} {0} {{7*7}} $x & | \\"
MARKUP = "<script>alert(1)</script></svg></td></table><img src=x onerror=alert(1)> --> ]]> <!-- &lt;b&gt; {{7*7}}"


class Page(HTMLParser):
    """Which elements a page opens and closes, their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags, self.closed, self.attributes, self.text = list[str](), list[str](), set[str](), ""
        self.feed(path.read_text())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        self.closed.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(project, report: str) -> Page:
    """Nothing was run, and the page has no element or handler that could run anything."""
    assert not [path for path in project.folder.parent.rglob("pwned*") if not path.is_symlink()]
    page = Page(project.folder / report)
    assert not {"script", "img", "iframe", "object", "embed", "form", "base", "b"} & set(page.tags)
    assert not [name for name in page.attributes if name.startswith("on")]
    assert all(page.tags.count(tag) == page.closed.count(tag) for tag in ("svg", "table", "td", "div", "section"))
    return page


def texts() -> list[str]:
    """Documents of nothing but attacks, long enough that a model has something to repeat."""
    attacks = [MARKUP, SHELL, "\x01\x07\x1b[2J\x7f\u0085\u202e", "quotes \" ' `", "line\none\r\nmore\tthan"]
    return [f"{n} {attack} {n * n}" for n in range(120) for attack in attacks]


@pytest.fixture(scope="module")
def attacked(project_for_all) -> Iterator[Project]:
    """The loop on hostile text, from a file with a hostile name, in a folder with one (Snakemake takes no braces)."""
    with project_for_all("it's $(touch pwned) `here` now") as project:
        name = "texts '; touch pwned; ' $(touch pwned) `touch pwned` {0} <b>\u202e.jsonl"
        rows = [json.dumps({"text": text}) for text in texts()]
        (project.folder / name).write_text("\n".join(rows) + "\n")
        corpus = {"source": "file", "file": {"path": name}}
        project.configure(
            corpus=corpus | {"train_bytes": 20_000, "validation_bytes": 8_000, "test_bytes": 8_000},
            strategies=[{"name": "replace", "compose": "replace", "verifiers": ["whole"]}],
            generations=1,
            seeds=[0],
        )
        project.run()
        yield project


def test_hostile_text_is_shown_and_not_run(attacked):
    page = assert_harmless(attacked, "results/tiny/report.html")
    assert "{{7*7}}" in page.text and "touch pwned" in page.text


def test_a_hostile_file_name_is_shown_as_text(attacked):
    page = Page(attacked.folder / "results/tiny/report.html")
    assert r"texts '; touch pwned; ' $(touch pwned) `touch pwned` {0} <b>\u202e.jsonl" in page.text
    assert "\u202e" not in page.text


@pytest.mark.full
def test_a_run_in_a_folder_with_a_hostile_name_has_nothing_left_to_do(attacked):
    assert attacked.jobs() == {}
    explained = attacked.collapse("explain", "--configfile", "experiment.yaml").stdout
    assert "Nothing would run" in explained


def test_hostile_figures_close_where_they_should(attacked):
    for path in (attacked.folder / "results/tiny/figures").glob("*.svg"):
        assert path.read_text().count("</svg>") == 1


def theory(hostile: str) -> dict[str, object]:
    """A small experiment of one closed-form world, whose words are all hostile."""
    world = {
        "model": "linear_regression",
        "paper": "gerstgrasser-2024",
        "title": hostile,
        "panels": [{"metric": "relative_error", "title": hostile}],
        "replicates": 20,
        "dimension": 2,
        "samples": 12,
        "noise_variance": 1.0,
        "design": "same",
        "ridge": 0,
        "generations": 2,
        "strategies": [{"name": "replace", "compose": "replace"}],
    }
    claim = {
        "kind": "value",
        "paper": "gerstgrasser-2024",
        "where": hostile,
        "statement": hostile,
        "reason": hostile,
        "evidence": "theorem",
        "select": {"world": "first", "metric": "relative_error", "strategy": "replace"},
        "expected": 40.0,
        "tolerance": 0.1,
    }
    return {"experiment": "theory", "strategies": [], "worlds": {"first": world}, "claims": {"A1-false": claim}}


def test_hostile_titles_are_shown_and_not_run_by_an_interpreter_in_a_hostile_folder(fresh):
    environment = fresh.folder.parent / "it's $(touch pwned) {0} `python`"
    environment.symlink_to(sys.prefix)
    hostile = f"{SHELL} $ {MARKUP}"
    fresh.configure(**theory(hostile))
    command = [environment / "bin/python", "-m", "snakemake", "--cores", "1", "--configfile", "experiment.yaml"]
    result = subprocess.run(
        command, cwd=fresh.folder, env=fresh.environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    page = assert_harmless(fresh, "results/theory/report.html")
    assert page.text.count(hostile) >= 2
