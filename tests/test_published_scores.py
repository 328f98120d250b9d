"""The scores that Wang et al. published, counted again from tables in their layout, with numbers made up here."""

import csv

import pytest

from collapse.command_line import main
from collapse.errors import ConfigError
from collapse.questions import published_scores as scores

GENERATIONS = range(1, 12)
NEURONS = [(layer, neuron) for layer in (1, 2) for neuron in range(1, 101)]
BIAS_P = {place: 1e-9 if place[1] <= 7 else 0.01 if place[1] <= 30 else 0.5 for place in NEURONS}
QUALITY_P = {(layer, neuron): 0.01 if layer == 1 and neuron <= 50 else 0.5 for layer, neuron in NEURONS}


def write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def repository(tmp_path):
    """Of ten articles a generation, as many lean right as the generation's number, nine at most; one leans left."""
    header = [f"{label}_Score" for label in scores.LABELS]
    left, center, right = ((0.9, 0.05, 0.05), (0.2, 0.5, 0.3), (0.1, 0.3, 0.6))
    for name in scores.SETUPS.values():
        articles = {g: [*[right] * min(g, 9), left, *[center] * (9 - min(g, 9))] for g in GENERATIONS}
        rows = [(g, i, *row) for g in GENERATIONS for i, row in enumerate(articles[g])]
        write(tmp_path / scores.SCORES / f"{name}_Bias_Performance.csv", ["Generation", "Article_ID", *header], rows)
        levels = [(g, 2 + sign / g) for g in GENERATIONS for sign in (-1, 1)]
        write(tmp_path / scores.SCORES / f"{name}_Generation_Quality.csv", ["Generation", "GibberishLevel"], levels)
    before = [("GPT-2", i, *row) for i, row in enumerate([left, center, center, right])]
    write(tmp_path / scores.SCORES / scores.BEFORE, ["Generation", "Article_ID", *header], before)
    nats = [(g, value) for g in GENERATIONS for value in (7.41, 7.41)]
    write(tmp_path / scores.SCORES / "Synthetic_Perplexity.csv", ["Generation", "Perplexity"], nats)
    tests = tmp_path / scores.TESTS
    rows = [(neuron, layer, 1.0, BIAS_P[layer, neuron]) for layer, neuron in sorted(NEURONS, key=lambda one: one[::-1])]
    columns = ["neuron_id", "layer", "beta_coefficient", "p_value"]
    write(tests / scores.REGRESSION.format("Bias Performance"), columns, rows)
    rows = [(layer, neuron, 1.0, QUALITY_P[layer, neuron]) for layer, neuron in NEURONS]
    write(tests / scores.REGRESSION.format("Generation Quality"), ["layer", "neuron_id", *columns[2:]], rows)
    return tmp_path


def told(repository) -> dict[tuple[str, str], str]:
    lines = [line for line in scores.published_scores(repository).splitlines() if "  " in line]
    return {(line[:28].strip(), line[29:73].strip()): line[73:].strip() for line in lines}


def test_generation_1_of_a_file_is_generation_0_of_the_paper(repository):
    found = told(repository)
    assert found["right (%)", "overfitting, generation 0"].startswith("10 ±")
    assert found["right (%)", "overfitting, generation 8"].startswith("90 ±")
    assert found["left (%)", "overfitting, generation 3"].startswith("10 ±")
    assert found["center (%)", "GPT-2"].startswith("50 ±")
    assert ("right (%)", "synthetic, generation 11") not in found


def test_an_index_is_a_mean_over_articles_with_its_interval(repository):
    found = told(repository)
    # two articles, 1 and 3: standard deviation sqrt 2, half width 1.96
    assert found["quality index", "synthetic, generation 0"] == "2 ± 1.96   published 2.322: NOT reached"
    assert found["perplexity under GPT-2", "synthetic, generation 0"].endswith("published 7.41: reached")


def test_neurons_are_joined_by_their_names_whatever_their_order(repository):
    found = told(repository)
    n_bias = sum(p < 0.05 for p in BIAS_P.values())
    n_both = sum(BIAS_P[place] < 0.05 and QUALITY_P[place] < 0.05 for place in NEURONS)
    assert (n_bias, n_both) == (60, 30)
    assert found["neurons, p < .05", "bias"].startswith("60 ")
    assert found["neurons, p < .05", "bias and quality"].startswith("30 ")
    assert found["neurons, if independent", "bias and quality"] == "15"  # 60 x 50 / 200
    assert found["neurons, Bonferroni", "bias"].startswith("14 ")  # 1e-9 x 200, in both layers
    assert found["neurons, Benjamini-Hochberg", "bias"] == "60"  # .01 x 200 / 60 is below .05
    assert found["neurons, Benjamini-Hochberg", "quality"] == "50"
    assert found["neurons, by chance", "bias"] == "10"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "is not there.\n  Name a checkout of"),
        (lambda path: path.write_text("Generation,Other\n1,2\n"), "has no column `Perplexity`"),
        (lambda path: path.write_text("Generation,Perplexity\n1,\n"), "has an empty cell"),
        (lambda path: path.write_text(""), "is not a table of comma-separated values"),
        (lambda path: path.write_text("Generation,Perplexity\n1,2\n"), "nothing there tells perplexity under GPT-2"),
    ],
)
def test_what_is_not_that_repository_is_refused_by_file_and_reason(repository, damage, message):
    damage(repository / scores.SCORES / "Synthetic_Perplexity.csv")
    with pytest.raises(ConfigError) as refused:
        scores.published_scores(repository)
    assert message in str(refused.value)


def test_the_command_says_how_many_published_numbers_are_reached(repository, capsys):
    assert main(["published-scores", str(repository)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 154 published numbers reached."
