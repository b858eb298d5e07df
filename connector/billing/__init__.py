"""The two Stripe doors, `observe` and `apply`, and what they need: client, limiter, encoding."""
