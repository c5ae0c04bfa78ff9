"""Recording, querying and defining the figures of runs. Knows events, not graphs or screens."""
