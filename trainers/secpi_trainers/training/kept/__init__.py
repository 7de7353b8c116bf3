"""What a training leaves, and goes on from."""
