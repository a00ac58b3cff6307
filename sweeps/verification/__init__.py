"""Proof of a record: all that follows from it is derived again, its fits are trained again and compared."""
