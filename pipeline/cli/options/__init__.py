"""What each group of commands understands: options only, nothing is done and nothing heavy imported here."""
