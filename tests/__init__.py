"""Tests; a package, because installed packages sometimes bring a ``tests`` of their own."""
