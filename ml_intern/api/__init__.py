"""The daemon's socket: a door, offered to other processes over HTTP. See `app.py`, `server.py`."""
