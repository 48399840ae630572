"""Values and decisions of communication logs; no I/O."""
