"""po-service: UBL documents become orders, people, contracts and deliveries; what happened is published."""
