"""The commands, one file each: its options as a frozen value, the function that runs it, and its name.

The parser imports a command's module only for its help or to run it; the module imports other rooms in its function.
"""
