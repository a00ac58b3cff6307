"""This machine: its hardware, and what would harm repeatability or speed on it."""
