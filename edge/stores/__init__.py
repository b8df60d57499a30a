"""The hub's two stores: the journal of all entries, and the state that must never be guessed."""
