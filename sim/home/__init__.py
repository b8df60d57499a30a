"""A whole home in one command: its processes, the ledger kept outside of them, and the page that shows it."""
