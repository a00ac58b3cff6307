"""Sweeps: their definition, search, execution, verification, comparison and export; the command line."""
