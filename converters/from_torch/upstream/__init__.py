"""What we change in the frameworks' own code while they lower a program: one change a file, all undone after."""
