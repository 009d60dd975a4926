"""One target to its verdict: recalled or built, examined, judged, recorded."""
