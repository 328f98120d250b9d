import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from collapse import contracts
from collapse.contracts import AUDIT, Record
from collapse.errors import ContractError
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
    figures = [a for a in found.all("svg") if a.get("role") == "img"]
    assert len(figures) == 4 and all(a["aria-label"] for a in figures)
    assert all(a.get("role") == "img" or a.get("aria-hidden") == "true" for a in found.all("svg"))
    assert found.all("html")[0]["lang"] == "en"


def test_the_page_claims_what_the_intervals_show(page):
    text = "".join(Page(page).text)
    assert re.search(r"real text rose with replace \(\+0\.60.*\) is undecided\.", text)
    assert "whether it moved with real" in text


def test_one_seed_is_said_to_decide_nothing(one_seed_page):
    text = "".join(Page(one_seed_page).text)
    assert "Undecided, because one seed has no interval" in text
    assert "There is no real-data control" in text
    assert "higher" not in re.findall(r'class="verdict ([a-z-]+)"', one_seed_page)


def test_shared_samples_stand_once_for_all_strategies(page):
    assert page.count("real text 1") == 1
    assert page.count("replace text 3") == 1


def test_the_config_on_the_page_is_the_config(two_seeds, page):
    code = re.search(r"<summary>Show the config</summary>\s*<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    shown = "".join(Page(code.group(1)).text)
    assert yaml.safe_load(shown) == two_seeds.plan.model_dump(mode="json")


def test_a_missing_figure_is_refused_by_name(tmp_path):
    with pytest.raises(ContractError, match="ancestry, contrasts, diversity is missing"):
        report._figures([tmp_path / "test_loss.svg"])
