"""Desired x existing → a plan that people can read, approve and prove empty afterwards. Pure."""
