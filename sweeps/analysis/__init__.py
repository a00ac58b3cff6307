"""What a record says about the architectures: comparisons, variance, sample sizes."""
