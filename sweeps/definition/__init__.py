"""What a sweep is: its file, its spec, and the plan that follows once the data is known."""
