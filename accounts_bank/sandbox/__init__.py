"""The sandbox: what a bank to build against may do and a real one must not. Off by itself."""
