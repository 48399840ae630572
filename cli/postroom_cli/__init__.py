"""The command `postroom`: what an operator or a script asks of a running installation."""
