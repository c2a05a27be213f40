"""The terminal as a surface of the same core as the chats."""
