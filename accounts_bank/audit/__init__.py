"""The audit log: decided entries and events of users, in a file that shows tampering."""
