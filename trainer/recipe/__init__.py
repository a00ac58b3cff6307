"""How a network is trained, as hyperparameters: the table of all parts, and the plain part of each."""
