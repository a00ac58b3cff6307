"""Training: one fit as a pure function, and the compiled network that fits share. Imports TensorFlow."""
