"""`python -m pipeline.cli` is `lockage`."""

import sys

from pipeline.cli import main

sys.exit(main())
