"""Gates, each judged on its own: pure functions of what is known of an image, the gate and the day."""
