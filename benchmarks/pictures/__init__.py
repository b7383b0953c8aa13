"""Pictures for the documentation that are made from real images."""
