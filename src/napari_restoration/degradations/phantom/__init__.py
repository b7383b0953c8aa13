"""Phantoms: synthetic specimens in photons (or electrons), each a function of a field and a generator."""
