"""A model that is small enough to train in a minute."""
