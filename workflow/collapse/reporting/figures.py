"""Figures inside the page: one document, so their ids must not meet, and they need a name for those who cannot see."""

import html
import re

FIRST_TAG = re.compile(r"<svg\b[^>]*>")


def inlined(svg: str, name: str, label: str) -> str:
    """The figure as an `<svg>` element: ids begin with `name`, no metadata, its size left to the page.

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
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {namespaces} {box.group()} role="img" aria-label="{html.escape(label)}">{body.strip()}'
