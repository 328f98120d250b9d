"""Where in the config each field of a stage's spec comes from, and how two specs differ, in the config's own words."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

MOST_SHOWN = 60
"""Characters of a value in a sentence."""

ABSENT = object()
"""Stands for a setting that one of two specs does not have."""

SHARED = {
    "engine": "generate.engine",
    "n_samples": "generate.n_samples",
    "health": "generate.health",
    "prompt_in_training": "prompt.in_training",
    "batch_size": "training.batch_size",
    "context_length": "transformer.context_length",
    "staircase": "corpus.arithmetic",
    "sets_drawn": "strategies (most sets of samples that one asks for)",
    "sets_offered": "strategies[{place}] (sets of samples it asks for)",
    "flops_per_token": "transformer (floating-point operations of a token)",
}
"""Fields that mean the same in every spec; one that is not listed has its config's name."""

ORIGINS = {
    "base_model": {
        "base_model": "transformer.base_model",
        "revision": "transformer.revision",
        "recipe": "pretraining",
        "source_sha256": "the content of transformer.base_model, by its digest,",
    },
    "corpus": {
        "vocabulary_size": "tokenizer.vocabulary_size",
        "fresh_fraction": "strategies (largest share of fresh_real)",
        "fresh_generations": "generations",
        "source_sha256": "the content of what corpus names, by its digest,",
    },
    "verify": {"chain": "strategies[{place}].verifiers"},
    "mix": {"strategy": "strategies[{place}]"},
    "train": {"family.name": "family", "family.device": "device", "family.settings": "{family}"},
    "rater": {
        "rater": "raters.{place}",
        "source_sha256": "the content of what raters.{place}.corpus names, by its digest,",
    },
    "checkpoint": {
        "checkpoint": "{place}",
        "revision": "{place} (its revision)",
        "window_tokens": "{place} (its window_tokens)",
        "labels": "{place} (its labels)",
        "source_sha256": "the content of {place}, by its digest,",
    },
    "internals": {"tokens": "internals.tokens"},
    "neurons": {"arms": ""},
    "simulate": {"world": "worlds.{place}"},
    "world_figure": {"world": "worlds.{place}"},
    "report": {"settings": ""},
}
"""Fields of one stage's spec. Names in braces are filled in: the job's strategy or world, the plan's family."""

REPEATED = {"report": ("arms", "strategies", "report", "experiment")}
"""Fields that say again what another field of the same spec says."""

KINDS = ("kind", "model", "name")
"""Where two mappings differ in one of these, they are different things, and their other fields are not compared."""


def sentences(stage: str, now: Any, then: Any, place: str, family: str) -> list[str]:
    """Say which settings differ, such as `decoding.temperature is 0.9, was 1.0`.

    Args:
        stage: Whose spec it is.
        now: The spec of today's config, as JSON gives it.
        then: The spec of another time.
        place: Strategy or closed-form world of the job.
        family: Family of today's config.
    """
    skipped = REPEATED.get(stage, ())
    found = [one for one in _differences(now, then) if one[0].partition(".")[0] not in skipped]
    if not found and now != then:
        return ["the order of its settings changed"]
    listed = SHARED | ORIGINS.get("corpus" if stage == "truth" else stage, {})
    origins = {field: origin.format(place=place, family=family) for field, origin in listed.items()}
    return [f"{_config_path(path, origins)} {_change(new, old)}" for path, new, old in found]


def _differences(now: Any, then: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Path, new and old value of every leaf that differs; members of lists are told apart by their names."""
    if _is_named(now) and _is_named(then):
        now, then = ({f"[{member['name']}]": member for member in members} for members in (now, then))
    if not (isinstance(now, Mapping) and isinstance(then, Mapping)):
        if now != then:
            yield path, now, then
        return
    other_kind = [key for key in KINDS if now.get(key) != then.get(key) and key in now.keys() & then.keys()]
    for key in other_kind or sorted(now.keys() | then.keys()):
        below = f"{path}{key}" if key.startswith("[") else f"{path}.{key}".removeprefix(".")
        yield from _differences(now.get(key, ABSENT), then.get(key, ABSENT), below)


def _is_named(value: Any) -> bool:
    """Whether it is a list whose members all have names; so is an empty one."""
    return isinstance(value, list) and all(isinstance(member, Mapping) and "name" in member for member in value)


def _config_path(path: str, origins: Mapping[str, str]) -> str:
    """The path in the config: the longest listed beginning is replaced."""
    for begin in sorted(origins, key=len, reverse=True):
        rest = path.removeprefix(begin)
        if path.startswith(begin) and rest[:1] in ("", ".", "["):
            return f"{origins[begin]}{rest}".removeprefix(".")
    return path


def _change(now: Any, then: Any) -> str:
    if then is ABSENT:
        return f"is new: {_shown(now)}"
    return f"is gone, was {_shown(then)}" if now is ABSENT else f"is {_shown(now)}, was {_shown(then)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
