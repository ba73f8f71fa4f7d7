"""One file a screen; what several of them use is in `widgets`."""
