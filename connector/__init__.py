"""Turns closed CRM deals into correct Stripe billing."""

__version__ = "0.1.0"
