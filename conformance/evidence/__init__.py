"""Dated records that people and jobs leave: drills, reviews, listings of backup files."""
