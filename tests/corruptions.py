"""Ways in which finished results are spoiled behind Snakemake's back, each with the artifact that must be made again.

A line here is a test: `tests/workflow/test_integrity.py` spoils a copy of the tiny experiment with each of them.
"""

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ARM = "strategy=replace/seed=1/generation=2"
OTHER_ARM = "strategy=verified/seed=1/generation=2"
OTHER_SEED = "strategy=replace/seed=0/generation=2"
FIRST = "strategy=real/seed=0/generation=0"


@dataclass(frozen=True)
class Corruption:
    """One way.

    Attributes:
        name: What is done.
        spoil: Does it to an experiment's folder.
        found: The artifacts that a plain run makes again, inside that folder.
    """

    name: str
    spoil: Callable[[Path], object]
    found: tuple[str, ...]


def behind_its_date(change: Callable[[Path], object], name: str) -> Callable[[Path], None]:
    """A change of a file that keeps both of the dates that a program can set."""

    def spoil(folder: Path) -> None:
        path = folder / name
        times = path.stat()
        change(path)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    return spoil


def flip(path: Path, place: float = 0.5, bit: int = 3) -> None:
    """Turn one bit around, at a share of the file's length."""
    content = bytearray(path.read_bytes())
    content[min(int(place * len(content)), len(content) - 1)] ^= 1 << bit
    path.write_bytes(content)


def cut(path: Path, place: float = 0.5) -> None:
    path.write_bytes(path.read_bytes()[: int(place * path.stat().st_size)])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def lengthened(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def copied(source: str, target: str) -> Callable[[Path], object]:
    """Another artifact under this one's name, with its dates: `cp -p`."""
    return lambda folder: shutil.copy2(folder / source, folder / target)


def swapped(one: str, other: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / one).rename(folder / "aside")
        (folder / other).rename(folder / one)
        (folder / "aside").rename(folder / other)

    return spoil


def deleted(name: str) -> Callable[[Path], object]:
    return lambda folder: shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()


def replaced_by_a_folder(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return spoil


def replaced_by_a_copied_arm(folder: Path) -> None:
    """Another seed's arm, provenance and all."""
    shutil.rmtree(folder / ARM)
    shutil.copytree(folder / OTHER_SEED, folder / ARM)


ARTIFACTS_OF_ARM = ("mixture.parquet", "metrics.parquet", "document_losses.parquet", "training_log.parquet")
OF_ARM = tuple(f"{ARM}/{name}" for name in (*ARTIFACTS_OF_ARM, "model/model.json"))
"""Artifacts of an arm; what the rules of the others share is not among them."""

KNOWN = [
    Corruption("weights deleted", deleted(f"{ARM}/model/model.safetensors"), (f"{ARM}/model/model.json",)),
    Corruption("n-gram's table deleted", deleted(f"{ARM}/model/ngram.json"), (f"{ARM}/model/model.json",)),
    Corruption("tokenizer deleted", deleted("tokenizer"), ("tokenizer/tokenizer.json",)),
    Corruption(
        "a file of the tokenizer deleted", deleted("tokenizer/tokenizer_config.json"), ("tokenizer/tokenizer.json",)
    ),
    Corruption(
        "weights flipped",
        behind_its_date(flip, f"{ARM}/model/model.safetensors"),
        (f"{ARM}/model/model.json",),
    ),
    Corruption("card flipped", behind_its_date(flip, f"{FIRST}/model/model.json"), (f"{FIRST}/model/model.json",)),
    Corruption("report flipped", behind_its_date(flip, "report.html"), ("report.html",)),
    Corruption("report emptied", behind_its_date(emptied, "report.html"), ("report.html",)),
    Corruption("report lengthened", behind_its_date(lengthened, "report.html"), ("report.html",)),
    Corruption("figure flipped", behind_its_date(flip, "figures/test_loss.svg"), ("figures/test_loss.svg",)),
    Corruption(
        "another seed's samples",
        copied(f"{OTHER_SEED}/samples.parquet", f"{ARM}/samples.parquet"),
        (f"{ARM}/samples.parquet",),
    ),
    Corruption(
        "another seed's losses",
        copied(f"{OTHER_SEED}/document_losses.parquet", f"{ARM}/document_losses.parquet"),
        (f"{ARM}/document_losses.parquet",),
    ),
    Corruption("two arms swapped", swapped(ARM, OTHER_ARM), OF_ARM),
    Corruption("an arm's folder copied from another seed", replaced_by_a_copied_arm, OF_ARM),
    Corruption(
        "two models swapped",
        swapped(f"{ARM}/model", f"{OTHER_SEED}/model"),
        (f"{ARM}/model/model.json", f"{OTHER_SEED}/model/model.json"),
    ),
    Corruption(
        "a folder under a table's name",
        replaced_by_a_folder(f"{ARM}/samples.parquet"),
        (f"{ARM}/samples.parquet",),
    ),
    *(
        Corruption(f"{name} decayed", behind_its_date(flip, name), (name,))
        for name in (
            "documents.parquet",
            "metrics.parquet",
            "contrasts.parquet",
            "audit.parquet",
            "tokenizer/tokenizer.json",
            f"{ARM}/samples.parquet",
            f"{ARM}/sampling_record.json",
            f"{ARM}/mixture.parquet",
            f"{ARM}/metrics.parquet",
            f"{OTHER_ARM}/verdicts.parquet",
        )
    ),
]


def drawn(folder: Path, chance: random.Random) -> Corruption:
    """A kind, a file and a place by chance."""
    there = [path for path in folder.rglob("*") if path.is_file() and not {"provenance", "logs"} & set(path.parts)]
    path = chance.choice(sorted(there))
    name = str(path.relative_to(folder))
    place, bit = chance.random(), chance.randrange(8)
    kind, change = chance.choice(
        [
            ("flipped", lambda found: flip(found, place, bit)),
            ("cut", lambda found: cut(found, place)),
            ("emptied", emptied),
            ("lengthened", lengthened),
        ]
    )
    made_again = {"model": "model.json", "tokenizer": "tokenizer.json", "base_model": "base_model.json"}
    found = str(Path(name).with_name(made_again.get(path.parent.name, path.name)))
    return Corruption(f"{name} {kind} at {place:.3f}, bit {bit}", behind_its_date(change, name), (found,))
