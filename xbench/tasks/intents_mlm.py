"""Intents with multilingual masked language modelling beside it, half the steps each, on embedded data (after Phang et al. 2020)."""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(
    Part("intents"),
    Part("commands-mlm"),
    sampling="uniform",
    about="intents beside masked commands in fifteen languages, half the steps each; intermediate",
)
