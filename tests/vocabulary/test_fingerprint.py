import shutil
from pathlib import Path

import pytest
import yaml

from collapse.artifacts import fingerprint
from collapse.config import load_plan
from collapse.experiment import Experiment

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    copy = tmp_path / "collapse"
    shutil.copytree(fingerprint.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "PACKAGE", copy)
    forget()
    yield copy
    forget()


def forget() -> None:
    fingerprint._imports.cache_clear()
    fingerprint._source.cache_clear()
    fingerprint.stage_fingerprint.cache_clear()


def edited(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    forget()


PLUGINS = Experiment(load_plan(yaml.safe_load((ROOT / "config.yaml").read_text()), "config.yaml")).specs.plugins
STAGES = ("corpus", "generate", "verify", "mix", "train", "evaluate", "collect")


def all_fingerprints() -> dict[str, str]:
    return {stage: fingerprint.stage_fingerprint(stage, *PLUGINS.get(stage, ())) for stage in STAGES}


def changed_by(path: Path, old: str, new: str) -> set[str]:
    before = all_fingerprints()
    edited(path, old, new)
    return {stage for stage, value in all_fingerprints().items() if value != before[stage]}


def test_a_comment_a_docstring_and_a_blank_line_change_nothing(package):
    path = package / "metrics" / "diversity.py"
    before = all_fingerprints()
    path.write_text(path.read_text().replace('"""', '"""Edited. ', 1) + "\n\n# a comment\n")
    forget()
    assert all_fingerprints() == before


def test_logic_in_a_metric_concerns_evaluate_and_no_training(package):
    concerned = changed_by(package / "metrics" / "diversity.py", "return", "assert True\n    return")
    assert "evaluate" in concerned
    assert not concerned & {"corpus", "generate", "mix", "train"}


def test_logic_in_a_strategy_concerns_mix_and_no_evaluation(package):
    concerned = changed_by(
        package / "strategies.py", "newest = max(inventory.synthetic)", "newest = max([*inventory.synthetic])"
    )
    assert concerned == {"mix"}


def test_a_family_counts_only_where_it_is_loaded(package):
    plain, with_family = (
        fingerprint.stage_fingerprint("train", *plugins) for plugins in ((), ("collapse.families.llama",))
    )
    edited(package / "families" / "llama.py", "0.02", "0.03")
    assert fingerprint.stage_fingerprint("train") == plain
    assert fingerprint.stage_fingerprint("train", "collapse.families.llama") != with_family


def test_settings_do_not_count_because_the_spec_carries_them(package):
    assert (
        changed_by(
            package / "config" / "base.py",
            "class Settings(BaseModel):",
            "EXTRA = 1\n\n\nclass Settings(BaseModel):",
        )
        == set()
    )


def test_what_is_silent_is_what_the_module_says_is():
    names = (path.relative_to(fingerprint.PACKAGE).with_suffix("") for path in fingerprint.PACKAGE.rglob("*.py"))
    modules = {".".join(["collapse", *name.parts]).removesuffix(".__init__") for name in names}
    silent = {name for name in modules if name.startswith(fingerprint.SILENT) and ".config" not in name}
    speak_or_move = ("errors", "metrics.catalogue", "artifacts.layout", "running.files", "artifacts.provenance")
    assert silent == {f"collapse.{name}" for name in speak_or_move}


def test_what_decides_an_artifact_concerns_a_stage_that_makes_it(package):
    before = all_fingerprints()
    for module in ("artifacts.contracts", "media.text.packing", "randomness", "verifiers.length"):
        path = package.joinpath(*module.split(".")).with_suffix(".py")
        edited(path, "import ", "import math as _unused\nimport ")
        after = all_fingerprints()
        assert after != before, module
        before = after


@pytest.fixture
def unread(monkeypatch) -> None:
    """A process that has read no module yet, and remembers none."""
    for name, empty in (("_REMEMBERED", {}), ("_ASKED", {}), ("_RECALLED", set())):
        monkeypatch.setattr(fingerprint, name, empty)
    forget()
    yield
    forget()


def test_what_was_read_once_is_not_parsed_again_and_comes_to_the_same(unread, tmp_path, monkeypatch):
    first = all_fingerprints()
    fingerprint.keep(tmp_path / "memory.json")
    fingerprint._REMEMBERED.clear()
    forget()
    monkeypatch.setattr(fingerprint.ast, "parse", lambda _: pytest.fail("parsed again"))
    fingerprint.recall(tmp_path / "memory.json")
    assert all_fingerprints() == first


def test_an_edited_module_is_parsed_whatever_is_remembered(package, tmp_path):
    assert changed_by(package / "metrics" / "diversity.py", "return", "assert True\n    return") == {"evaluate"}


@pytest.mark.parametrize("damage", ["", "[", "{}", "[[1]]", "[" * 100_000])
def test_a_damaged_memory_says_nothing(unread, tmp_path, damage):
    (tmp_path / "memory.json").write_text(damage)
    fingerprint.recall(tmp_path / "memory.json")
    assert fingerprint._REMEMBERED == {}


def test_a_line_of_the_memory_that_was_altered_is_not_believed(unread, tmp_path):
    memory = tmp_path / "memory.json"
    fingerprint.stage_fingerprint("mix")
    n_read = len(fingerprint._REMEMBERED)
    fingerprint.keep(memory)
    code = next(iter(fingerprint._REMEMBERED.values())).code
    memory.write_text(memory.read_text().replace(code, code[::-1]))
    fingerprint._REMEMBERED.clear()
    fingerprint.recall(memory)
    assert len(fingerprint._REMEMBERED) == n_read - 1
