"""From a torch program to artifacts for microcontrollers and the neural processors beside them."""
