"""Tools that the lab makes: compiled from pinned modules, unpacked from wheels and packages."""
