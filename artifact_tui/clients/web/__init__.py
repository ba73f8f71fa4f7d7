"""What clients share that speak to a web server: connections, answers, waits and secrets."""
