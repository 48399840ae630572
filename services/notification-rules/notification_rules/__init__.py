"""Maps each event to a message type and the people to tell, once each, and keeps why."""
