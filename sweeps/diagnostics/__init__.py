"""This machine: what it has, and what would break repeatability or speed on it."""
