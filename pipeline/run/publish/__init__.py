"""One image tag to its index: pushed by digest, signed, tagged, promoted."""
