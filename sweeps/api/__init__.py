"""What users do with sweeps, as functions; the command line and ``import refold`` call them."""
