"""The audit log: what was decided and what happened to users, in a file that shows tampering."""
