"""120 days of purchasing, lived by the real services and by the oracle's world side by side."""
