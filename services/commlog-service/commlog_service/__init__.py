"""What supplier and client write to each other on an order, and the correspondence that carries it outside."""
