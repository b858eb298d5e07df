"""What a deal costs: calls, processor time, memory, and how much of Stripe's rate limit is used.

    python -m benchmarks            everything, in some minutes
    python -m benchmarks calls cpu  only these parts

The emulators run in a process of their own, so that the figures are the connector's alone. Call counts are exact and
the same everywhere; of times, compare only ratios of one run.
"""
