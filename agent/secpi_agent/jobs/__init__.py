"""One job: what it is, what is known of it, and running it once."""
