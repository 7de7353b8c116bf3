"""Files, processes and addresses of the machine that this runs on."""
