"""What is said and drawn of a record: notes, pictures, class reports, what mattered. Pure functions of it."""
