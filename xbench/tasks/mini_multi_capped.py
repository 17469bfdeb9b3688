"""Intents, tagging and inference on embedded data at once, in proportion to their sizes, of which 200 examples count at most."""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(
    *(Part(name, cap=200) for name in ("intents", "mini-pos", "mini-nli")),
    sampling="proportional",
    about="intents, mini-pos and mini-nli at once, sizes capped; intermediate",
)
