"""Export of the best model: selected, trained, written in several formats, proven, described."""
