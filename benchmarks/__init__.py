"""What a deal costs: calls, processor time, memory, and how much of Stripe's rate limit is used.

    python -m benchmarks              everything, in about five minutes
    python -m benchmarks calls cpu    only these parts
    python -m benchmarks --long rate ratio memory    2,000 deals; 50, 200 and 600 ms; up to 64,000 orders
    python -m benchmarks --picture docs/benchmarks.svg ratio    draw the comparison

Each emulator runs in a process of its own, so that the figures are the connector's alone. Call counts are exact and
the same everywhere; of times, compare only ratios of one run. It ends with 1 where a gate (gates.py) does not hold.
"""
