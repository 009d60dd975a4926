"""Limits of reading images/."""

MAX_TEXT = 1024 * 1024  # bytes of lockage.yml, lockage.lock, an image.yml, a template
MAX_TEXTS = 256 * 1024 * 1024  # bytes of all files outside rootfs/ that are kept as text
MAX_FILE = 1024 * 1024 * 1024  # bytes of one file
MAX_ALL_FILES = 4 * 1024 * 1024 * 1024  # bytes of all files
MAX_FILES = 200_000  # files, folders and links
MAX_DEPTH = 64  # folders in each other
