"""What a closed-form world will measure, and what its panels may show, before anything is simulated."""

from collections.abc import Iterable

import numpy as np

from collapse.config.worlds import PanelSettings, WorldSettings
from collapse.errors import ConfigError
from collapse.stats.named import refuse_unknown, refuse_unmeasured, refuse_unswept
from collapse.stats.pooled import Value
from collapse.worlds import evaluation_set, module_of


def places(name: str, settings: WorldSettings) -> tuple[Value, ...]:
    """A value for every mean that will be simulated, not a number yet; its theory is None where there is none.

    Args:
        name: Name of the world.
        settings: Its settings.
    """
    return tuple(
        Value(
            world=name,
            evaluation_set=evaluation_set(name, point),
            metric=metric,
            strategy=strategy,
            generation=generation,
            point={key: float(value) for key, value in point.items()},
            mean=np.nan,
            standard_error=None,
            n=0,
            theory=np.nan if strategy in sweep.predicted else None,
        )
        for sweep in module_of(settings.model).sweeps(settings)
        for metric in sweep.metrics
        for strategy in sweep.strategies
        for generation in sweep.generations
        for point in sweep.points
    )


def check_panel(where: str, panel: PanelSettings, measured: Iterable[Value]) -> None:
    """Refuse a panel of something that will not be there.

    Args:
        where: The panel's key.
        panel: What it shows.
        measured: The places of its world.

    Raises:
        ConfigError: A metric, strategy, generation, axis or value is none of the world's.
    """
    measured = list(measured)
    refuse_unknown(f"{where}.metric", panel.metric, {value.metric for value in measured})
    shown = [value for value in measured if value.metric == panel.metric]
    for strategy in panel.strategies:
        refuse_unknown(f"{where}.strategies", strategy, {value.strategy for value in shown})
    shown = [value for value in shown if not panel.strategies or value.strategy in panel.strategies]
    swept = {axis for value in shown for axis in value.point}
    refuse_unknown(f"{where}.x", panel.x, {"generation", *swept}, "is not swept there")
    refuse_unknown(f"{where}.lines", panel.lines, {"generation", "strategy", *swept}, "is not swept there")
    refuse_unswept(f"{where}.at", panel.at, shown)
    refuse_unmeasured(f"{where}.generations", panel.generations, shown)
    if not any({panel.x, panel.lines} <= {"generation", "strategy", *value.point} for value in shown):
        raise ConfigError(f"{where}: no strategy has both `{panel.x}` and `{panel.lines}`")
