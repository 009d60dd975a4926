"""Commands that take targets through the stages, and those that compare what comes out."""
