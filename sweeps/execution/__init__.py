"""The loop that runs a sweep: which fit is next, on which worker it runs, and what users see of it."""
