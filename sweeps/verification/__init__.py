"""The record proven: what follows from it derived again, its fits trained again, all of it compared."""
