"""What travels between systems: each topic declared once, each event one versioned model."""
