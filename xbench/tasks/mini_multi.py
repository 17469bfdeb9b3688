"""Intents, tagging and inference on embedded data at once, in proportion to their sizes."""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(
    Part("intents"),
    Part("mini-pos"),
    Part("mini-nli"),
    sampling="proportional",
    about="intents, mini-pos and mini-nli at once; intermediate",
)
