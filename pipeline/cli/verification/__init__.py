"""Rules for images that are used, from files to what is printed."""
