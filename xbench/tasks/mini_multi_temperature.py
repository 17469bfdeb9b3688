"""Intents, tagging and inference on embedded data at once, drawn by size to the power 1/2."""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(
    Part("intents"),
    Part("mini-pos"),
    Part("mini-nli"),
    sampling="temperature",
    temperature=2.0,
    about="intents, mini-pos and mini-nli at once, drawn at temperature 2; intermediate",
)
