"""A WooCommerce store that answers as a genuine one does, bites included. Start reading at `server`."""
