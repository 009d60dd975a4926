"""Tools that the lab builds or unpacks: from pinned Go modules, wheels and Debian packages."""
