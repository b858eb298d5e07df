"""The jobs table and the scheduler."""
