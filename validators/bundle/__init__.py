"""The hand-over: a bundle that an app team can use and check without the source or its framework."""
