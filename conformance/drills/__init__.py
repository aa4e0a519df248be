"""The recovery drills: each file reads like the runbook it tests."""
