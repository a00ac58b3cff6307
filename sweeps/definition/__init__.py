"""What a sweep is: its file, its spec, and the plan that is made from it once the data is known."""
