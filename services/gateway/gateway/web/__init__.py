"""The reference web page: server-rendered, on the same calls that other UI teams build on."""
