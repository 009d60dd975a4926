"""Limits of VEX documents."""

MAX_STATEMENTS = 50_000  # of a document
MAX_PRODUCTS = 10_000  # of a statement, and subcomponents of a product
MAX_COMPONENTS = 100_000  # of a CycloneDX document
