"""How each registry is reached: credentials, certificate authorities, tokens and their scopes."""
