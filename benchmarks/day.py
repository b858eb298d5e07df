"""The day on which everything that is measured happens."""

from datetime import date

TODAY = date(2026, 11, 24)
