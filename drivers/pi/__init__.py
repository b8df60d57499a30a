"""The Raspberry Pi of a hub: keys, lamp, speaker, mains and battery; one file a device."""
