"""What lies and stands on the machine besides jobs: what is brought to it and back, cleared away, and found out."""
