"""Repository against cluster, field by field."""
