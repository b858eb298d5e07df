"""The business in plain values: no CRM, no Stripe, standard library only."""
