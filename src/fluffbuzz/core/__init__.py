"""Values and decisions. Standard library only: no clock, environment, async, logging, network or files."""
