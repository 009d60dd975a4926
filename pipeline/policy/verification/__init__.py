"""Whether what is signed about an image meets the rules of those who use it: a pure function, with its reasons."""
