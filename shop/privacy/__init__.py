"""What the shop knows of a person, for who asks (GDPR art. 15) and who leaves (art. 17)."""
