"""Everything that touches a process, a terminal or a platform's SDK."""
