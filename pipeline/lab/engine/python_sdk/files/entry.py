"""Entry point of a module's container: imports the module where it is mounted and serves one call."""

import sys

from lockage_module.serve import serve

sys.exit(serve(register="--register" in sys.argv[1:]))
