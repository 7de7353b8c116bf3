"""Jobs that a cluster decides when to run."""
