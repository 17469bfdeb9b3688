"""MultiNLI with multilingual masked language modelling beside it, half the steps each, as intermediate task (Phang et al. 2020).

The paper's ratio is not known to us; copy this file to state another one.
"""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(Part("mnli"), Part("mlm"), sampling="uniform", about="MultiNLI beside multilingual MLM, half the steps each; intermediate")
