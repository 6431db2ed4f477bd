"""The health of a data set: what is in it, what is wrong with it, and what it looks like."""
