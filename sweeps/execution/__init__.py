"""The loop that runs a sweep: which fit next, on which worker, and what a person sees of it."""
