"""Stores load, save, lock and retry. They hold no rule about money or people."""
