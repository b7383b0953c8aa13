"""How far what is told from an image can be trusted."""
