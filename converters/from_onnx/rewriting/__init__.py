"""Small passes over the graph before it runs, one file each; the order is in `rewriting/order.py`."""
