"""Figures inside the page: one document, so their ids must not meet, and their colours are those of day or night.

Text in a figure is text. A figure is a group with a name, not an image, so that its text is read aloud.
"""

import html
import re
from collections.abc import Iterable

from collapse.plots.style import at_night

COLOUR = re.compile(r"(?<=: )#([0-9a-f]{6})\b")
"""A colour in a style of a figure."""

VARIABLE = re.compile(r"var\(--c-([0-9a-f]{6}),")
FIRST_TAG = re.compile(r"<svg\b[^>]*>")


def inlined(svg: str, name: str, label: str) -> str:
    """The figure as an `<svg>` element: ids begin with `name`, no metadata, its size left to the page.

    Each colour becomes a variable that is the colour itself unless the page says otherwise.

    Args:
        svg: An SVG file that this project wrote.
        name: Prefix of all ids.
        label: What the figure shows, for screen readers.

    Raises:
        ValueError: There is no `<svg>` element, or it has no `viewBox`.
    """
    start = FIRST_TAG.search(svg)
    box = re.search(r'viewBox="[^"]+"', start.group()) if start else None
    if start is None or box is None:
        raise ValueError("no <svg> element with a viewBox")
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg[start.end() :], flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{name}-", body)
    # What is drawn first is the ground. The page has its own, with a shadow where a figure goes on beyond the edge.
    body = body.replace("fill: #ffffff", "fill: none", 1)
    body = COLOUR.sub(r"var(--c-\1, #\1)", body)
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {namespaces} {box.group()} role="group" aria-label="{html.escape(label)}">{body.strip()}'


def night(figures: Iterable[str], colours: Iterable[str]) -> dict[str, str]:
    """What each colour of these inlined figures, and each of `colours`, is on a dark page; by its six digits."""
    found = {digits for figure in figures for digits in VARIABLE.findall(figure)}
    found |= {colour.removeprefix("#") for colour in colours}
    return {digits: at_night(f"#{digits}") for digits in sorted(found)}
