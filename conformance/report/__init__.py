"""Results to bytes; a report never decides an outcome."""
