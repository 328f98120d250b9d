"""Importing a great many modules without looking through them again and again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Import without garbage collection: vLLM makes a million objects that all live on, and looking through them again
    and again takes a fifth of its start. Afterwards they are left out of every collection.
    """
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_at_work:
            gc.enable()
