"""What every command stands on: files, disks, errors, and how a command begins and ends."""
