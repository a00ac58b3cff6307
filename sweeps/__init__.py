"""Sweeps: what they are, how they are searched, run, verified, compared and exported; the command line."""
