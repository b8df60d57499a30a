"""The ways from the hub to the platform: one file a way behind the small protocol of `base.py`."""
