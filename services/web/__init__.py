"""The program's HTTP and WebSocket side."""
