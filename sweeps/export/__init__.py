"""The best model taken home: selected, trained, written in several formats, proven, described."""
