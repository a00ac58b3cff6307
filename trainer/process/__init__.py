"""Processes that do nothing but train, and the jobs that they are given."""
