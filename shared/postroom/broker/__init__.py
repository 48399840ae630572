"""Kafka, with every trap of the libraries closed in one place (docs/decisions/0002-traps-of-the-broker-libraries.md)."""

from postroom.broker.clients import cluster_id, new_producer
from postroom.broker.consumer import LONGEST_PAUSE, Consumer

__all__ = ["LONGEST_PAUSE", "Consumer", "cluster_id", "new_producer"]
