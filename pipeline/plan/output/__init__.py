"""dist/: the files that a plan describes, compared with the disk and written."""
