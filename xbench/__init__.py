"""xbench: does training on an intermediate task help a multilingual model, in which languages, and is the evidence good enough?"""

__version__ = "0.1.0"
