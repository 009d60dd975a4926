"""Limits of a rendering. Work is counted, not seconds, so that every machine refuses the same templates."""

MAX_STEPS = 200_000  # loop turns, calls and includes of one rendering
MAX_OUTPUT = 1024 * 1024  # characters of one rendering, and of every text in it
MAX_WORK = 100_000_000  # of one rendering: about one for a character, 32 for an expression
MAX_BITS = 4096  # of a number that an operator makes
MAX_DEPTH = 64  # levels of lists and mappings in each other
MAX_ATTRIBUTE = 256  # characters of an attribute that a filter takes
MAX_TOKENS = 20_000  # words and signs of one template
MAX_CODE = 300_000  # pieces of a template's compiled code
MAX_CODE_SIZE = 16 * MAX_OUTPUT  # characters of it
MAX_ALL_WORK = 20 * MAX_WORK  # of all renderings of one plan
MAX_ALL_OUTPUT = 128 * MAX_OUTPUT  # characters of all renderings of one plan
