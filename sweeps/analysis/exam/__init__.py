"""Winners compared on an exam, images that the search never saw: refits with several seeds."""
