"""A cellular modem at the wire: AT commands on a pty, and the network between such modems."""
