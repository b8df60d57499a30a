"""The tools of installers and of the factory."""
