"""A customer's own templates: kept in a folder beside the installation, read again at run time, rendered where they can do no harm."""
