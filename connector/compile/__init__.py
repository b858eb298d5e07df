"""Domain → what Stripe should hold. Pure: no clock, no network; one contract always compiles to the same values."""
