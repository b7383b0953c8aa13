"""Restoration without a network: classical methods with the interface of a loaded model. No torch here."""

CLASSICAL = "classical"
"""What the card of a classical method gives as its architecture."""
