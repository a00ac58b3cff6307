"""Workers behind Dask, on one machine or on many."""
