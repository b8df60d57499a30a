"""Telephony by SIP around the home: a provider that registers and routes, and telephones of a family."""
