"""What a job asks of a training, and whether that can be had."""
