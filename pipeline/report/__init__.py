"""Reports for people and machines: a run as values, and one pure function for each format that it is written in."""
