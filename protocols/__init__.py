"""What is said on the wires and the air: bytes to values and back, no input or output."""
