"""Rules of care: what the home's sensors mean for the person who lives there. Pure functions."""
