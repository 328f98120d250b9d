"""The steps: files in, files out; the only place where the layers meet.

Each module has one function `run`, whose keyword arguments are the command line of `python -m collapse STAGE`:
`Path` and `list[Path]` are inputs, `Output` is written, `Folder` is given without a dash, a settings model named `spec`
comes as JSON, and `record` is filled in from the others and goes into every artifact.
"""

from pathlib import Path
from typing import Annotated

Output = Annotated[Path, "output"]
"""A file the stage writes, under a temporary name first."""

Folder = Annotated[Path, "positional"]
"""A folder the stage looks into; what it reads there, it checks itself."""
