"""A data set of the Hugging Face Hub at a fixed commit, or a folder of Parquet files that `datasets` can read.

Once downloaded, a data set is read from the cache, so a machine without internet can use one that was fetched before.
"""

import os
from pathlib import Path

from collapse.config.settings import HuggingFaceSettings, ImageSettings
from collapse.corpora import RealText
from collapse.corpora.local_file import choose_columns, real_texts
from collapse.errors import ConfigError, EngineError


def read(settings: HuggingFaceSettings) -> list[RealText]:
    """Read every text of one split.

    Raises:
        ConfigError: The data set has no such subset, split or column, or the column holds no text.
        EngineError: The data set cannot be reached, and is not in the cache.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    where = f"corpus.huggingface: {settings.dataset}"
    try:
        data = load_dataset(settings.dataset or "", settings.subset, revision=settings.revision, split=settings.split)
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"{where}: {error}\n  Check `subset`, `split` and `revision`.") from None
    except (OSError, DatasetsError) as error:
        raise EngineError(_unreachable(where, settings, error)) from None
    chosen = choose_columns(data.column_names, settings, where)
    licence = data.info.license or "not stated by the data set"
    texts = real_texts(
        {setting: data[name][:] for setting, name in chosen.items()}, source_of(settings), licence, where
    )
    if not texts:
        raise ConfigError(f"{where}: column `{settings.column}` holds no text but white space.\n  Use another column.")
    return texts


def source_of(settings: HuggingFaceSettings | ImageSettings) -> str:
    """Where a data set is: its page and commit; of a folder here, its name, so that it is the same wherever it lies."""
    folder = Path(settings.dataset or "")
    if folder.is_dir():
        return folder.name
    return f"https://huggingface.co/datasets/{settings.dataset}@{settings.revision}"


def _unreachable(where: str, settings: HuggingFaceSettings, error: Exception) -> str:
    cache = os.environ.get("HF_HOME", "~/.cache/huggingface")
    return (
        f"{where} at revision {settings.revision} cannot be read ({type(error).__name__}: {error}).\n"
        "  Check its name and revision. Without internet, load it once on a machine that has some and copy that\n"
        f"  machine's cache to {cache} (HF_HOME), then set HF_HUB_OFFLINE=1; or use `source: file`."
    )
