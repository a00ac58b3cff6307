"""What a person does with sweeps, as functions: the command line and ``import refold`` stand on them."""
