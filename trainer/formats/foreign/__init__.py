"""Models from anywhere: each file is checked before its runtime loads it, so that it can only compute."""
