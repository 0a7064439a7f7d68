"""The sandbox: features that a development bank has and a real bank must not. Off by default."""
