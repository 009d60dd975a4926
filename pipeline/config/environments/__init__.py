"""`environments:` of lockage.yml: where images are promoted to, and what a promotion there needs."""
