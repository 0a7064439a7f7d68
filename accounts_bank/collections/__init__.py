"""The business layer: who may do what. It knows the abstract stores, and nothing of HTTP."""
