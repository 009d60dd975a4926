"""What a change touches: two states of a catalogue compared, target by target."""
