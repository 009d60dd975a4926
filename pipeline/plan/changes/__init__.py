"""The effect of a change: two states of a catalogue compared, target by target."""
