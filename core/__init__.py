"""Words both sides speak: events, errors, settings, catalogue, database. Imports nothing above it."""
