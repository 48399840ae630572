"""Frozen values and pure decisions about orders, deliveries, people and budgets."""
