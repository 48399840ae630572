"""What the seed says must be told to whom: written from its words alone, without a line of the services' code."""
