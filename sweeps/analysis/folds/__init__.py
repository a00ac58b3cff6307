"""Winners compared on the images of the search: fresh repeats of the cross-validation."""
