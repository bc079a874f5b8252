"""The durable store: ops, journal, leases, approvals and jobs in one database. See `store.py`."""
