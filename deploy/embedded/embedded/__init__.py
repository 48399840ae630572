"""Kafka, Postgres, a mailbox and the services as native processes of one machine: no Docker, no Java, no root."""
