"""Recorded fits trained again: what that needs, and the proof that a result is the recorded one."""
