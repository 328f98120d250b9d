"""What a watermark shows of: samples, held-out real text, and the model itself, which may have learned it."""

import numpy as np

from collapse.families.green_mass import green_mass
from collapse.families.transformer import TransformerModel
from collapse.media.text import inputs, outputs
from collapse.metrics import Measurement
from collapse.metrics.arm import Arm
from collapse.watermark import DETECTED, Counted, counted


def measured(arm: Arm) -> list[Measurement]:
    """Everything that is measured of a watermark, where one is set.

    Of held-out real text, which nobody has marked, it shows how often the test errs.
    """
    mark, bos, test = arm.watermark, arm.encoder.bos, outputs(arm.test)
    assert mark is not None and isinstance(arm.model, TransformerModel)
    given = inputs(arm.test) if arm.form.input else None
    found = _read(counted(mark, test, given, bos), "real_test")
    if arm.samples is not None:
        found += _read(counted(mark, outputs(arm.samples), inputs(arm.samples), bos), "samples")
    return [*found, Measurement("green_mass", "real_test", *_mean(green_mass(arm.model, mark, test, given)))]


def _read(of: Counted, evaluation_set: str) -> list[Measurement]:
    """What the test says of texts, those without a token left out."""
    z = of.z[of.pairs > 0]
    green = np.repeat([1.0, 0.0], [of.greens.sum(), (of.pairs - of.greens).sum()])
    values = {"watermark_z": z, "watermarked_fraction": (z >= DETECTED).astype(float), "green_share": green}
    return [Measurement(metric, evaluation_set, *_mean(found)) for metric, found in values.items()]


def _mean(values: np.ndarray) -> tuple[float, int, float | None]:
    """Mean, how many, and standard error, which one value has not; of none, the mean is `nan`."""
    n = len(values)
    error = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else None
    return float(values.mean()) if n else float("nan"), n, error
