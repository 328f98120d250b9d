"""What a person sees of a run: on a terminal one live view, elsewhere a few lines, and last what came out."""

from collapse.terminal.screen import Screen
from collapse.terminal.watched import Watched, announce, takes_over

__all__ = ["Screen", "Watched", "announce", "takes_over"]
