"""What comes in: keys and pendants, turned into journal entries."""
