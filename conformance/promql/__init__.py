"""Reading alert rules and trying them out on made-up series."""
