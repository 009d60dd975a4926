"""Scan, bill of materials and tests of one image, at once; what is known is not examined again."""
