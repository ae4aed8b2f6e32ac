"""Measuring what the README promises, against a peer in the same run."""
