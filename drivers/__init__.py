"""One file a device and nothing but the device."""
