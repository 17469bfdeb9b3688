"""Formats that `xbench export` writes, one file each."""
