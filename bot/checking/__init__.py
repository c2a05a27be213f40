"""What `check` finds: each thing in order, doubtful or wrong, with the line that mends it."""
