import hashlib
import importlib.metadata
import platform
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from collapse.artifacts import contracts, provenance
from collapse.artifacts.contracts import AUDIT, METRICS, REFERENCES, Record
from collapse.errors import ContractError
from collapse.reporting import setup
from collapse.reporting.levels import levels
from collapse.stages import report

VOID = {"meta", "br", "img", "input", "link", "hr"}


class Page(HTMLParser):
    """What a reader needs to know of a page: elements with attributes, text, and whether tags are balanced."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.text, self.open, self.unbalanced = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        self.text.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


@pytest.fixture(params=["page", "one_seed_page"])
def html(request):
    return request.getfixturevalue(request.param)


def test_what_a_model_writes_is_text_and_never_markup(page):
    found = Page(page)
    assert not found.all("script") and not found.all("img")
    assert '<script>alert("x")</script><img src=https://example.org/x.png>' in "".join(found.text)
    assert "1 of 2 are <empty>" in "".join(found.text)
    assert "\x00" not in page and "\x1b" not in page and "\u202e" not in page


def test_the_page_loads_nothing(html):
    found = Page(html)
    addresses = [
        value
        for _, attributes in found.elements
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "srcset", "action", "data")
    ]
    assert addresses and all(address.startswith("#") for address in addresses)
    assert not re.search(r"@import|url\((?!#)", html)
    policy = [m["content"] for m in found.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy and policy[0].startswith("default-src 'none'")


def test_the_same_results_give_the_same_bytes(two_seeds, page, tmp_path):
    assert two_seeds.report(tmp_path / "elsewhere" / "report.html") == page


def test_the_foot_says_how_much_was_checked(page):
    foot = page[page.index("<footer>") :]
    assert "1 artifacts passed all 1 checks" in foot


def test_no_page_is_made_of_what_failed_a_check(two_seeds, tmp_path):
    folder = tmp_path / "results" / "made-up"
    study = replace(two_seeds, folder=Path(shutil.copytree(two_seeds.folder, folder)))
    failed = {"artifact": "metrics.parquet", "check": "key", "passed": False, "detail": "rows repeat"}
    contracts.write(folder / "audit.parquet", AUDIT, pa.Table.from_pylist([failed], AUDIT.schema), Record())
    with pytest.raises(ContractError, match="some checks failed"):
        study.report(tmp_path / "report.html")


def test_the_page_is_well_formed_and_its_links_lead_somewhere(html):
    found = Page(html)
    assert found.unbalanced == [] and found.open == []
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = re.findall(r'(?:href="|url\()#([^")]+)', html)
    assert targets and set(targets) <= set(ids)


def test_headings_tables_and_figures_can_be_read_aloud(html):
    found = Page(html)
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all("scope" in attributes for attributes in found.all("th"))
    assert len(found.all("table")) == len(found.all("caption"))
    figures = [a for a in found.all("svg") if a.get("role") == "group"]
    assert len(figures) == 4 and all(a["aria-label"] for a in figures)
    assert all(a.get("role") == "group" or a.get("aria-hidden") == "true" for a in found.all("svg"))
    assert found.all("html")[0]["lang"] == "en"


def test_three_seeds_decide_against_the_control_first(three_seeds_page):
    text = "".join(Page(three_seeds_page).text)
    assert re.search(
        r"compared with real \(the control\), the model's loss on held-out real text is higher with replace \(\+0\.\d\d"
        r".*Between strategies, it is higher with replace than with accumulate \(\+0\.4\d; .*"
        r"Since generation 0, it rose with replace and accumulate; whether it moved with real is undecided\.",
        text,
    )
    assert {"rose", "higher", "undecided"} <= set(re.findall(r'class="verdict ([a-z-]+)"', three_seeds_page))


def test_two_seeds_decide_nothing_anywhere_and_the_page_says_why(page):
    text = "".join(Page(page).text)
    assert "Undecided, because two seeds can agree by luck" in text
    assert "Add a third seed to the config" in text
    assert set(re.findall(r'class="verdict ([a-z-]+)"', page)) == {"undecided"}


def test_the_page_says_over_which_families_p_is_adjusted(three_seeds_page):
    text = "".join(Page(three_seeds_page).text)
    assert "Holm's family is all pairs of strategies in test loss at generation 3" in text
    assert "p is adjusted (Holm) over the changes of this table" in text
    assert text.count("not adjusted") > 3


def test_the_page_says_whose_budget_ended_before_one_pass(page):
    text = "".join(Page(page).text)
    assert "The budget ends before one pass: accumulate saw 53 % of its 3,000 examples, once." in text
    assert "match: epochs" in text
    row = page[page.index('<section id="strategies">') :]
    assert ">53 % of them, once<" in row and ">1.6 times each<" in row and ">3,000 <" in row and ">320<" in row


def test_texts_of_every_seed_are_shown_with_their_ids(page):
    text = "".join(Page(page).text)
    assert re.findall(r"Seed (\d), draw (\d)\n", text) == [("0", "0"), ("1", "0"), ("0", "1")]
    for name in ("real.0.1.0000000", "replace.1.3.0000000", "accumulate.0.2.0000001"):
        assert f"<code>{name}</code>" in page
    assert "common random numbers" in text and "python -m collapse trace replace." in text


def test_every_figure_has_its_numbers_in_a_table(two_seeds, page):
    captions = re.findall(r"<summary>The numbers of this figure</summary>.*?<caption>(.*?)</caption>", page, re.DOTALL)
    assert len(captions) == 3  # the contrasts' table stands on the page
    losses = contracts.read(two_seeds.folder / "metrics.parquet", METRICS).filter(
        (pc.field("metric") == "test_loss") & (pc.field("strategy") == "replace") & (pc.field("generation") == 2)
    )["value"]
    assert f'<td class="n">{np.mean(losses.to_numpy()):.3f} [' in page
    assert "Mass on unseen token types</th>" in page


def test_every_colour_of_the_page_has_its_night(three_seeds_page):
    style = three_seeds_page[: three_seeds_page.index("</style>")]
    used = set(re.findall(r"var\(--c-([0-9a-f]{6}),", three_seeds_page))
    assert len(used) > 8
    dark = style[style.index("@media screen and (prefers-color-scheme: dark)") :]
    assert used == set(re.findall(r"--c-([0-9a-f]{6}): #[0-9a-f]{6};", dark))


def test_what_scrolls_sideways_says_so(page):
    """One-frame figures fit any screen; the others, and tables, are regions that a keyboard reaches."""
    found = Page(page)
    assert page.count('class="narrow"') == 2 and page.count('class="hint"') == 2
    scrolling = [a for a in found.all("div") if "scroll" in a.get("class", "").split()]
    assert scrolling and all(a["role"] == "region" and a["tabindex"] == "0" and a["aria-label"] for a in scrolling)


def test_the_foot_names_code_and_config(two_seeds, page):
    foot = page[page.index("<footer>") :]
    settings = yaml.safe_dump(two_seeds.plan.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
    assert hashlib.sha256(settings.encode()).hexdigest()[:16] in foot
    assert "0" * 16 in foot and "provenance" in foot


def test_the_foot_names_packages_and_commit(page):
    """Of the checkout, where the tests lie in one."""
    numpy, commit = importlib.metadata.version("numpy"), provenance.commit()
    assert f"numpy {numpy}" in page and f"Python {platform.python_version()}" in page
    assert (f"commit {commit[:12]}" if commit else "no commit: this is no checkout") in page


def test_uncommitted_changes_are_named():
    said = setup.made_with({"numpy": "2.0", "vllm": None}, "0123456789abcdef", is_changed=True)
    assert said == "numpy 2.0; commit 0123456789ab with uncommitted changes"


def test_one_seed_is_said_to_decide_nothing(one_seed_page):
    text = "".join(Page(one_seed_page).text)
    assert "Undecided, because one seed has no interval" in text
    assert "There is no real-data control" in text
    assert "higher" not in re.findall(r'class="verdict ([a-z-]+)"', one_seed_page)


def test_shared_samples_stand_once_for_all_strategies(page):
    assert page.count("real text 1") == 2  # one for each seed
    assert page.count("replace text 3") == 2


def test_the_config_on_the_page_is_the_config(two_seeds, page):
    code = re.search(r"<summary>Show the config</summary>\s*<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    shown = "".join(Page(code.group(1)).text)
    assert yaml.safe_load(shown) == two_seeds.plan.model_dump(mode="json")


def test_a_missing_figure_is_refused_by_name(tmp_path):
    with pytest.raises(ContractError, match="ancestry, contrasts, diversity is missing"):
        report._figures([tmp_path / "test_loss.svg"])


@pytest.mark.parametrize(
    ("trigram", "known", "words"),
    [
        (4.5, True, "it has learned more than counts"),
        (3.5, True, "it has learned no more than counts do"),
        (4.5, False, "the loop's real text, without the base model's"),
    ],
)
def test_the_page_says_whether_generation_0_knows_more_than_counts(two_seeds, trigram, known, words):
    metrics = contracts.read(two_seeds.folder / "metrics.parquet", METRICS)
    row = {"n_order": 3, "standard_error": 0.1, "bits_per_byte": 1.0, "n_training_tokens": 9}
    row |= {"model": "trigram", "test_loss": trigram, "knows_pretraining_text": known}
    said = " ".join(levels(metrics, pa.Table.from_pylist([row], REFERENCES.schema)))
    assert words in said and f"a trigram {trigram:.3f}" in said


def test_a_watermark_stands_among_the_parameters_that_took_effect(three_seeds_page):
    row = re.search(r"<tr>[^\n]*watermark: bias.*?</tr>", three_seeds_page, re.DOTALL)
    assert row is not None and "1.5" in row[0] and "0 is nothing" in row[0]
