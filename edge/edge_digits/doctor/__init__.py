"""Whether this machine can read, and how to mend what keeps it from that."""
