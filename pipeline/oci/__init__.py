"""What images are made of: layouts, archives, indexes, layers and their comparison. No registry, no network."""
