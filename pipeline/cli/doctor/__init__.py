"""What `lockage doctor` looks at: each check is a function that finds something and says what to do about it."""
