"""Side by side with the peers: what `make bench` runs. README.md here says how."""
