"""The last lines: what a run has made, and what its report answers."""

import html
import re
from collections.abc import Collection
from pathlib import Path

ANSWER = re.compile(r'<p class="answer">(.*?)</p>', re.DOTALL)
TAG = re.compile(r"<[^>]*>")
MOST_NAMED = 3
"""Files that are named, of those that were asked for."""


def came_out(report: str, targets: Collection[str]) -> list[str]:
    """What was asked for, one paragraph each: the report's answers and its path, or the files.

    Args:
        report: Path of the experiment's report.
        targets: The files that were asked for.
    """
    if report in targets:
        return [*answers(Path(report)), f"Report: {report}"]
    named = sorted(targets)
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return [f"Made: {', '.join(named[:MOST_NAMED])}{more}"] if named else []


def answers(report: Path) -> list[str]:
    """The sentences that a report begins with: of the loop, of theory."""
    try:
        page = report.read_text(encoding="utf-8")
    except OSError:
        return []
    return [" ".join(html.unescape(TAG.sub("", found)).split()) for found in ANSWER.findall(page)]
