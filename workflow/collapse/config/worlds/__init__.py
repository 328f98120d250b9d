"""Settings of the closed-form worlds, one module per model; `model` says which."""

from typing import Annotated

from pydantic import Field

from collapse.config.worlds.adaptive_ridge import AdaptiveRidgeSettings
from collapse.config.worlds.associative_memory import AssociativeMemorySettings
from collapse.config.worlds.base import ChainSettings, PanelSettings, WorldSettings
from collapse.config.worlds.categorical import CategoricalSettings
from collapse.config.worlds.gaussian import GaussianSettings
from collapse.config.worlds.gaussian_mixture import GaussianMixtureSettings
from collapse.config.worlds.kde import KdeSettings
from collapse.config.worlds.kernel_ridge import KernelRidgeSettings
from collapse.config.worlds.limited_memory import LimitedMemorySettings
from collapse.config.worlds.linear_regression import LinearRegressionSettings
from collapse.config.worlds.linear_verification import LinearVerificationSettings
from collapse.config.worlds.memory_chain import MemoryChainSettings
from collapse.config.worlds.mixed_labels import MixedLabelsSettings
from collapse.config.worlds.mixing_schemes import MixingSchemesSettings
from collapse.config.worlds.overparametrised_chain import OverparametrisedChainSettings
from collapse.config.worlds.random_projections import RandomProjectionsSettings
from collapse.config.worlds.ridge_chain import RidgeChainSettings
from collapse.config.worlds.strong_ridge import StrongRidgeSettings
from collapse.config.worlds.tailed_bigram import TailedBigramSettings
from collapse.config.worlds.universality import UniversalitySettings
from collapse.config.worlds.verification import VerificationSettings
from collapse.config.worlds.weighted_likelihood import WeightedLikelihoodSettings

World = Annotated[
    AdaptiveRidgeSettings
    | AssociativeMemorySettings
    | CategoricalSettings
    | GaussianMixtureSettings
    | GaussianSettings
    | KdeSettings
    | KernelRidgeSettings
    | LimitedMemorySettings
    | LinearRegressionSettings
    | LinearVerificationSettings
    | MemoryChainSettings
    | MixedLabelsSettings
    | MixingSchemesSettings
    | OverparametrisedChainSettings
    | RandomProjectionsSettings
    | RidgeChainSettings
    | StrongRidgeSettings
    | TailedBigramSettings
    | UniversalitySettings
    | VerificationSettings
    | WeightedLikelihoodSettings,
    Field(discriminator="model"),
]
"""Any of the worlds."""

__all__ = ["ChainSettings", "PanelSettings", "World", "WorldSettings"]
