"""Scores by a rater: the label or the level that it gives, mean over the parts of a text, and the rules that choose."""

from pathlib import Path

import numpy as np
import pytest
import tables
from given_models import CONTEXT, save_classifier

from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, HELD_OUT, RATER, SAMPLES, VERDICTS, Record
from collapse.config.specs import CheckpointSpec, RaterSpec, VerifySpec
from collapse.config.verifiers import RatingVerifier
from collapse.errors import ConfigError
from collapse.stages import checkpoint, rater, verify
from collapse.verifiers import rating

HALF = {"rule": "top_fraction", "fraction": 0.5}
SAID = {"good": [0.1, 0.2, 0.7], "fair": [0.2, 0.6, 0.2], "bad": [0.8, 0.1, 0.1]}


class Told:
    """A rater that is told what to say: of each word that it knows."""

    labels = ("noise", "mild", "clean")
    are_levels = True

    def probabilities(self, text: str) -> np.ndarray:
        return np.array([SAID[word] for word in text.split() if word in SAID]).reshape(-1, 3)


def asked(**changes: object) -> RatingVerifier:
    return RatingVerifier.model_validate({"kind": "rating", "rater": "told", "by": "level", "select": HALF} | changes)


def scores(texts: list[str], **changes: object) -> list[float]:
    return rating.scores(Told(), rating.weights(asked(**changes), Told()), texts).tolist()


def test_a_level_is_what_is_expected_of_its_probabilities_mean_over_parts():
    levels = {word: 0 * p[0] + 1 * p[1] + 2 * p[2] for word, p in SAID.items()}
    found = scores(["good", "good bad", "bad fair fair"])
    assert found == pytest.approx([1.6, (1.6 + 0.3) / 2, (0.3 + 2 * 1.0) / 3])
    assert levels == pytest.approx({"good": 1.6, "fair": 1.0, "bad": 0.3})


def test_a_label_is_its_probability_mean_over_parts():
    assert scores(["good bad", "fair"], by="label", label="mild") == pytest.approx([0.15, 0.6])
    assert scores(["good bad"], by="label", label="noise") == pytest.approx([0.45])


def test_a_text_without_a_part_has_no_score():
    assert np.isnan(scores(["", "unknown"])).all()


def test_a_label_that_only_the_text_knows_is_asked_for_with_those_there_are():
    with pytest.raises(ConfigError, match=r"`left` is none of the labels that `raters.told` has .*noise, mild, clean"):
        rating.weights(asked(by="label", label="left"), Told())


# --- the stages, by a rater that is fitted and by somebody's checkpoint -----------------------------------------------

WORDS = {"left": "union wages health", "right": "taxes border faith"}
TEXTS = [f"{WORDS[label]} the of" for label in ("left", "right", "left", "right")] + [""]


def write_samples(folder: Path) -> None:
    rows = [tables.sample("real", 1, draw, [5, 0], text=text) for draw, text in enumerate(TEXTS)]
    tables.write(folder / "samples.parquet", SAMPLES, rows)
    tables.write(folder / "documents.parquet", DOCUMENTS, [tables.document("d0", [7, 0])])


def verdicts(folder: Path, verifier: dict, raters: dict, learned: list[Path], cards: list[Path] = ()) -> list[dict]:
    spec = {"family": "ngram", "device": "cpu", "verifiers": {"it": verifier}, "chain": ("it",), "raters": raters}
    spec |= {"n_samples": 4, "sets_offered": 1} if verifier["select"]["rule"] != "threshold" else {}
    verify.run(
        spec=VerifySpec.model_validate(spec),
        strategy="rated",
        seed=0,
        generation=1,
        samples=folder / "samples.parquet",
        documents=folder / "documents.parquet",
        raters=learned,
        checkpoints=list(cards),
        verdicts=folder / "verdicts.parquet",
        record=Record(),
    )
    return contracts.read(folder / "verdicts.parquet", VERDICTS).to_pylist()


@pytest.fixture
def leaning(tmp_path) -> tuple[dict, Path]:
    """A rater that tells left from right by words, and what it has learned."""
    rows = [
        {"text": f"{words} the of and " * 5, "outlet": f"{label}{n}", "leans": label}
        for label, words in WORDS.items()
        for n in range(4)
    ]
    (tmp_path / "news.jsonl").write_text("\n".join(map(str, rows)).replace("'", '"'))
    columns = {"column": "text", "label_column": "leans", "group_column": "outlet", "max_bytes": 10_000}
    corpus = {"source": "file", "file": columns | {"path": str(tmp_path / "news.jsonl")}}
    settings = {"kind": "labels", "corpus": corpus, "window_words": 10, "held_out": 0.3}
    learned = tmp_path / "rater=leaning" / "rater.parquet"
    spec = RaterSpec.model_validate({"name": "leaning", "rater": settings})
    rater.run(spec=spec, rater=learned, held_out=learned.with_name("held_out.parquet"), record=Record())
    return settings, learned


def test_a_rater_that_was_fitted_here_lets_through_what_it_takes_for_one_label(tmp_path, leaning):
    settings, learned = leaning
    write_samples(tmp_path)
    by = {"kind": "rating", "rater": "leaning", "by": "label", "label": "left"}
    rows = verdicts(tmp_path, by | {"select": {"rule": "threshold", "least": 0.5}}, {"leaning": settings}, [learned])
    assert [row["reason"] for row in rows[:4]] == ["accepted", "below_threshold"] * 2
    assert rows[0]["score"] > 0.8 > 0.2 > rows[1]["score"]
    assert {row["verifier_version"] for row in rows} == {"rating/1"}


def test_a_label_that_it_has_not_learned_is_refused_with_the_verifiers_name(tmp_path, leaning):
    settings, learned = leaning
    write_samples(tmp_path)
    by = {"kind": "rating", "rater": "leaning", "by": "label", "label": "centre", "select": HALF}
    with pytest.raises(ConfigError, match=r"verifiers\.it\.label: `centre` is none .* \(left, right\)"):
        verdicts(tmp_path, by, {"leaning": settings}, [learned])


def test_somebodys_checkpoint_ranks_samples_and_a_blank_one_is_not_let_through(tmp_path):
    given = save_classifier(tmp_path / "given", ("clean", "noise"))
    read = {"checkpoint": str(given), "revision": None, "window_tokens": CONTEXT - 2, "labels": ("noise", "clean")}
    card = tmp_path / "checkpoint=rater-quality" / "model.json"
    spec = CheckpointSpec.model_validate(read | {"asked_by": "rater", "name": "quality"})
    checkpoint.run(spec=spec, checkpoint=card, record=Record())
    settings = read | {"kind": "checkpoint", "are_levels": True, "part": "text"}
    paths = [tmp_path / "rater=quality" / f"{name}.parquet" for name in ("rater", "held_out")]
    of = RaterSpec.model_validate({"name": "quality", "rater": settings})
    rater.run(spec=of, checkpoint=card, rater=paths[0], held_out=paths[1], record=Record())
    assert contracts.read(paths[0], RATER).num_rows == 7 and contracts.read(paths[1], HELD_OUT).num_rows == 0
    write_samples(tmp_path)
    both = {}
    for by in ({"by": "level"}, {"by": "label", "label": "clean"}):
        verifier = {"kind": "rating", "rater": "quality", "select": HALF} | by
        both[by["by"]] = verdicts(tmp_path, verifier, {"quality": settings}, paths[:1], [card])
    assert [row["reason"] for row in both["level"]][4] == "unparseable" and both["level"][4]["score"] is not None
    assert sum(row["accepted"] for row in both["level"]) == 2
    values = {by: [row["score"] for row in rows[:4]] for by, rows in both.items()}
    assert values["level"] == pytest.approx(values["label"]), "of two labels, the level is the second's probability"
    assert len(set(values["level"])) == 2
    best = values["level"][0] > values["level"][1]
    assert [row["accepted"] for row in both["level"][:4]] == [best, not best, best, not best]
