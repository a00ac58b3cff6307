"""Writes sweep files: ``refold new``."""
