"""Pairs of bad and good images of one scene: found by name, read patch by patch, split by field of view."""
