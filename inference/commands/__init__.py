"""The command line: a module for each command, which declares its arguments and runs them."""
