"""Training and scoring of MicroFeat, the feature network that knows microscopy."""
