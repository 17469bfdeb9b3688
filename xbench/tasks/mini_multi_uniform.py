"""Intents, tagging and inference on embedded data at once, drawn equally often."""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(
    Part("intents"),
    Part("mini-pos"),
    Part("mini-nli"),
    sampling="uniform",
    about="intents, mini-pos and mini-nli at once, drawn equally often; intermediate",
)
