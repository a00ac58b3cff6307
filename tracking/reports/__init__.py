"""Texts and pictures of a record: notes, plots, class reports, importances. Pure functions of it."""
