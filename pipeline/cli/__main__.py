"""`python -m pipeline.cli` is `lockage`."""

import sys

from . import main

sys.exit(main())
