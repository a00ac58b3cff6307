"""The record of all sweeps of a home: one SQLite file with one writer."""
