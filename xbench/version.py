"""The version. Its minor part is in the identity of every run: a change that moves numbers raises it."""

__version__ = "0.4.0"
