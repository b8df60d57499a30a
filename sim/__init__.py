"""A whole home and its surroundings, simulated at the wire."""
