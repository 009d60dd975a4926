"""OCI artifacts that are not images: files pushed and pulled under their media types."""
