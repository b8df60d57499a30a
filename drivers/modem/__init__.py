"""The cellular modem: a serial port, AT commands, families as rows, SMS both ways."""
