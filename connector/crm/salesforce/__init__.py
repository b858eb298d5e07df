"""Salesforce CPQ: transport, queries, topology and write-back, put together in `adapter.py`."""
