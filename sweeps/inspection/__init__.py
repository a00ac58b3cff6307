"""Looks at a sweep's images before anything is trained, and at its labels afterwards."""
