"""What the surfaces on a terminal share: how answers, numbers and errors look."""
