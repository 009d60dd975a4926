"""What `lockage doctor` checks: each check is a function that finds something and says what to do about it."""
