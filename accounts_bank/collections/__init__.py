"""The business layer: permissions and ownership. It uses the store contracts, never HTTP."""
