"""The reference platform: takes a home's events by CoAP and HTTPS, keeps cases, and shows them to a seat."""
